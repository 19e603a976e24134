// The example in C, as C++.
#include "offline.c"
