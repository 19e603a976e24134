// The n best readings of a recording whose segments are read one by one.
#pragma once

#include <cstddef>
#include <vector>

#include "fastctc/types.h"

namespace fastctc::longform {

// Segments are independent, so their scores add up, and a reading of the whole is a choice of one reading per segment.
// The n best choices need only the n best readings of each segment.
class Readings {
 public:
  explicit Readings(std::size_t n) : n_(n) {}

  // The n best of the next segment, best first, times from its start.
  void add(std::vector<Alternative> segment, double start_s);
  // Best first; among equals the choice with better readings of earlier segments. Empty without segments.
  std::vector<Alternative> best() const;

 private:
  struct Choice {
    double score;
    std::size_t before;   // place among the choices for the segments before
    std::size_t reading;  // of this segment
  };

  std::size_t n_;
  std::vector<std::vector<Alternative>> segments_;
  std::vector<std::vector<Choice>> choices_;  // after each segment, best first
};

}  // namespace fastctc::longform
