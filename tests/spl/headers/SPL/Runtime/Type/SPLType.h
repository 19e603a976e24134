// Not the product's: see Operator.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace SPL {

typedef std::int32_t int32;
typedef std::int64_t int64;
typedef std::uint64_t uint64;
typedef double float64;
typedef bool boolean;

class rstring : public std::string {
 public:
  rstring() {}
  rstring(std::string const& text) : std::string(text) {}
  rstring(char const* text) : std::string(text) {}
};
class blob {
 public:
  blob() {}
  blob(unsigned char const* data, std::uint64_t size) : bytes_(data, data + size) {}
  unsigned char const* getData() const { return bytes_.data(); }
  std::uint64_t getSize() const { return bytes_.size(); }

 private:
  std::vector<unsigned char> bytes_;
};
template <class Value>
class list : public std::vector<Value> {};
template <class Key, class Value>
class map : public std::map<Key, Value> {};

}  // namespace SPL
