// The border to C: exceptions become codes, null handles and wrong indexes errors.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "fastctc/c_api.h"
#include "fastctc/error.h"

namespace fastctc::c_api {

// NULL instead of a handle or pointer, or an index out of range.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

// A call in the wrong order.
class StateError : public Error {
 public:
  using Error::Error;
};

// Keeps the current exception's message for fastctc_last_error(). Returns its class.
fastctc_status report_exception() noexcept;

template <class Body>
fastctc_status guarded(Body&& body) noexcept {
  try {
    body();
    return FASTCTC_OK;
  } catch (...) {
    return report_exception();
  }
}

// Returns what the body returns, or `fallback` if it throws.
template <class T, class Body>
T value_or(T fallback, Body&& body) noexcept {
  try {
    return static_cast<T>(body());
  } catch (...) {
    report_exception();
    return fallback;
  }
}

// Returns what the pointer points to. Raises ArgumentError that names the parameter.
template <class T>
T& require(T* pointer, const char* name) {
  if (!pointer) throw ArgumentError(std::string("The parameter ") + name + " is NULL.");
  return *pointer;
}

// An array of n elements may be NULL where n is 0.
template <class T>
T* require_array(T* pointer, std::size_t n, const char* name) {
  if (n > 0) require(pointer, name);
  return pointer;
}

template <class List>
auto& element(List& list, std::size_t index, const char* name) {
  if (index >= list.size()) {
    throw ArgumentError("There is no " + std::string(name) + " " + std::to_string(index) + "; there are " +
                        std::to_string(list.size()) + ".");
  }
  return list[index];
}

}  // namespace fastctc::c_api
