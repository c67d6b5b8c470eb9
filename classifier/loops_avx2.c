#define LC_LOOPS avx2
#include "classifier/loops.inc"
