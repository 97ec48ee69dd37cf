#include "core/shard.h"
