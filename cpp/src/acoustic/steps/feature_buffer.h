// Feature frames that wait for their window.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace fastctc {

// A queue of frames, stored feature by feature as the graph reads them, so that windows are copied row by row.
class FeatureBuffer {
 public:
  explicit FeatureBuffer(std::size_t n_features) : n_features_(n_features) {}

  std::size_t size() const { return end_ - begin_; }
  void clear() { begin_ = end_ = 0; }

  // features[feature * stride + frame]
  void push(const float* features, std::size_t n_frames, std::size_t stride) {
    reserve(n_frames);
    for (std::size_t feature = 0; feature < n_features_; ++feature) {
      std::copy_n(features + feature * stride, n_frames, row(feature) + end_);
    }
    end_ += n_frames;
  }

  void push_zeros(std::size_t n_frames) {
    reserve(n_frames);
    for (std::size_t feature = 0; feature < n_features_; ++feature) std::fill_n(row(feature) + end_, n_frames, 0.0f);
    end_ += n_frames;
  }

  // Copies the first frames to target[n_features, n_columns], zeros after the last. Returns the number of frames.
  std::size_t copy(float* target, std::size_t n_columns) const {
    const std::size_t n_frames = std::min(size(), n_columns);
    for (std::size_t feature = 0; feature < n_features_; ++feature) {
      float* const end = std::copy_n(values_.data() + feature * capacity_ + begin_, n_frames, target);
      std::fill_n(end, n_columns - n_frames, 0.0f);
      target += n_columns;
    }
    return n_frames;
  }

  // Drops at most n_frames frames.
  void drop(std::size_t n_frames) { begin_ += std::min(n_frames, size()); }

 private:
  float* row(std::size_t feature) { return values_.data() + feature * capacity_; }

  // Moves the frames to the front, or to a larger buffer if they would fill more than half of this one: each frame is
  // moved a constant number of times on average.
  void reserve(std::size_t n_frames) {
    if (end_ + n_frames <= capacity_) return;
    const std::size_t n_held = size();
    if (2 * (n_held + n_frames) <= capacity_) {
      for (std::size_t feature = 0; feature < n_features_; ++feature) {
        std::copy_n(row(feature) + begin_, n_held, row(feature));
      }
    } else {
      const std::size_t capacity = std::max<std::size_t>(4 * (n_held + n_frames), 64);
      std::vector<float> values(n_features_ * capacity);
      for (std::size_t feature = 0; feature < n_features_; ++feature) {
        std::copy_n(row(feature) + begin_, n_held, values.data() + feature * capacity);
      }
      values_.swap(values);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = n_held;
  }

  std::size_t n_features_;
  std::vector<float> values_;  // [n_features, capacity]
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace fastctc
