// Not the product's: see Operator.h.
#pragma once

#include <exception>
#include <string>

namespace SPL {

class SPLRuntimeException : public std::exception {
 public:
  SPLRuntimeException(std::string const& location, std::string const& explanation)
      : location_(location), explanation_(explanation) {}
  char const* what() const noexcept override { return explanation_.c_str(); }

 private:
  std::string location_;
  std::string explanation_;
};
class SPLRuntimeOperatorException : public SPLRuntimeException {
 public:
  using SPLRuntimeException::SPLRuntimeException;
};

}  // namespace SPL
