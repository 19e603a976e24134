// Not the product's: see Operator.h.
#pragma once

#include <SPL/Runtime/Operator/Operator.h>
