#define LC_LOOPS generic
#include "classifier/loops.inc"
