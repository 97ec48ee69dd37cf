#include "core/queue.h"
