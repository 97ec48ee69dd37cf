#include "core/detector.h"
