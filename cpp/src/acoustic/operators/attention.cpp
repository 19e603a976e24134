// Attention with relative positions (Dai et al. 2019, arXiv:1901.02860; NeMo, RelPositionMultiHeadAttention), of a
// block of queries, one head of one item at a time, in memory that stays in the cache:
//
//     s[i, j] = content[i] keys[j] + position[i] encodings[first + j - i] + hidden[i, j],    y[i] = softmax(s[i])
//     values
//
// by_content, by_position and the result [queries, items, heads, width], scaled and with their biases; keys and values
// [keys, items, heads, width]; encodings in panels of distances, [heads, panels, width, 32], what is outside adds 0;
// hidden [items, 1, queries or 1, keys]; first int64 [1]. In RelativeAttentionCached keys and values are in two parts
// each, the cached ones first.
#include <algorithm>
#include <utility>
#include <vector>

#include "acoustic/operators/node.h"

namespace fastctc::operators {
namespace {

enum Scratch { kKeys = 1, kByDistance, kScores, kValues };

// Of one head: rows of `width` floats, `stride` apart.
struct Rows {
  const float* data;
  std::size_t n_rows;
  std::size_t stride;
};

// Rows as the columns of a product's weights, the first of them column `first`.
void pack_as_columns(const Rows& rows, std::size_t width, std::size_t first, float* panels) {
  for (std::size_t row = 0; row < rows.n_rows; ++row) {
    const std::size_t column = first + row;
    float* target = panels + column / kPanelColumns * width * kPanelColumns + column % kPanelColumns;
    const float* source = rows.data + row * rows.stride;
    for (std::size_t i = 0; i < width; ++i) target[i * kPanelColumns] = source[i];
  }
}

void clear_columns(std::size_t first, std::size_t width, float* panels) {
  for (std::size_t column = first; column % kPanelColumns != 0; ++column) {
    float* target = panels + column / kPanelColumns * width * kPanelColumns + column % kPanelColumns;
    for (std::size_t i = 0; i < width; ++i) target[i * kPanelColumns] = 0;
  }
}

// Rows as the rows of a product's weights, of n_all in all, the first of them row `first`.
void pack_as_rows(const Rows& rows, std::size_t width, std::size_t first, std::size_t n_all, float* panels) {
  for (std::size_t row = 0; row < rows.n_rows; ++row) {
    const float* source = rows.data + row * rows.stride;
    for (std::size_t column = 0; column < width; column += kPanelColumns) {
      const std::size_t n_columns = std::min(kPanelColumns, width - column);
      float* target = panels + (column / kPanelColumns * n_all + first + row) * kPanelColumns;
      std::copy_n(source + column, n_columns, target);
      std::fill(target + n_columns, target + kPanelColumns, 0.0f);
    }
  }
}

std::size_t panel_floats(std::size_t n_outputs, std::size_t n_inputs) {
  return n_panels_of(n_outputs) * n_inputs * kPanelColumns;
}

struct Inputs {
  Tensor content, position, encodings, hidden;
  std::vector<Tensor> keys, values;
  std::int64_t first = 0;
  std::size_t n_queries = 0, n_keys = 0, n_items = 0, n_heads = 0, width = 0;
};

class RelativeAttention : public Node {
 public:
  RelativeAttention(const Kernel& kernel, std::size_t n_parts) : kernel_(kernel), n_parts_(n_parts) {}

  void compute(const NodeRun& run) const override {
    const Inputs in = read(run);
    float* y = run.output(in.content.shape);
    run.for_each(in.n_items * in.n_heads, [&](std::size_t i) { attend(in, i / in.n_heads, i % in.n_heads, y); });
  }

 private:
  std::size_t encodings_input() const { return 2 + 2 * n_parts_; }

  Inputs read(const NodeRun& run) const {
    Inputs in;
    in.content = run.input(0);
    in.position = run.input(1);
    in.encodings = run.input(encodings_input());
    in.hidden = run.input(encodings_input() + 1);
    require(in.content.shape.size() == 4 && in.position.shape == in.content.shape,
            "its queries must both be [queries, items, heads, width]");
    in.n_queries = in.content.size(0);
    in.n_items = in.content.size(1);
    in.n_heads = in.content.size(2);
    in.width = in.content.size(3);
    for (std::size_t part = 0; part < n_parts_; ++part) {
      in.keys.push_back(run.input(2 + part));
      in.values.push_back(run.input(2 + n_parts_ + part));
      const Tensor& keys = in.keys.back();
      require(keys.shape.size() == 4 &&
                  std::equal(keys.shape.begin() + 1, keys.shape.end(), in.content.shape.begin() + 1) &&
                  in.values.back().shape == keys.shape,
              "its keys and values must be [keys, items, heads, width]");
      in.n_keys += keys.size(0);
    }
    const Tensor& encodings = in.encodings;
    require(encodings.shape.size() == 4 && encodings.size(0) == in.n_heads && encodings.size(2) == in.width &&
                encodings.size(3) == kPanelColumns,
            "its encodings must be [heads, panels, width, 32], of the heads and the width of its queries");
    const Shape& hidden = in.hidden.shape;
    require(hidden.size() == 4 && in.hidden.size(0) == in.n_items && hidden[1] == 1 &&
                (hidden[2] == 1 || in.hidden.size(2) == in.n_queries) && in.hidden.size(3) == in.n_keys,
            "what it hides must be [items, 1, queries or 1, keys]");
    const Tensor first = run.input(encodings_input() + 2);
    require(first.shape == Shape{1}, "its first distance must be one number");
    in.first = *static_cast<const std::int64_t*>(first.data);
    return in;
  }

  void attend(const Inputs& in, std::size_t item, std::size_t head, float* y) const {
    if (in.n_queries == 0 || in.n_keys == 0) return;
    const std::size_t width = in.width, stride = in.n_items * in.n_heads * width;
    const std::size_t place = (item * in.n_heads + head) * width;
    float* keys = scratch(panel_floats(in.n_keys, width), kKeys);
    float* values = scratch(panel_floats(width, in.n_keys), kValues);
    std::size_t n_before = 0;
    for (std::size_t part = 0; part < n_parts_; ++part) {
      const std::size_t n_rows = in.keys[part].size(0);
      pack_as_columns({in.keys[part].floats() + place, n_rows, stride}, width, n_before, keys);
      pack_as_rows({in.values[part].floats() + place, n_rows, stride}, width, n_before, in.n_keys, values);
      n_before += n_rows;
    }
    clear_columns(in.n_keys, width, keys);
    float* scores = scratch(in.n_queries * in.n_keys, kScores);
    score_positions(in, item, head, scores);
    multiply(in.content.floats() + place, stride, in.n_queries, width, keys, in.n_keys, scores, in.n_keys, scores);
    kernel_.softmax(scores, in.n_queries, in.n_keys);
    multiply(scores, in.n_keys, in.n_queries, in.n_keys, values, width, nullptr, stride, y + place);
  }

  void multiply(const float* x, std::size_t x_stride, std::size_t n_rows, std::size_t n_inputs, const float* weight,
                std::size_t n_outputs, const float* residual, std::size_t y_stride, float* y) const {
    const Ending ending = {nullptr, residual, y, n_outputs, y_stride, Activation::none};
    const Product product = {x, weight, n_rows, n_inputs, x_stride, ending};
    kernel_.multiply(product, 0, n_panels_of(n_outputs));
  }

  // Scores by position, moved from their distances to their keys, and what is hidden.
  void score_positions(const Inputs& in, std::size_t item, std::size_t head, float* scores) const {
    const std::size_t n_distances = in.encodings.size(1) * kPanelColumns, width = in.width;
    const std::size_t stride = in.n_items * in.n_heads * width;
    const float* encodings = in.encodings.floats() + head * n_distances * width;
    float* by_distance = scratch(in.n_queries * n_distances, kByDistance);
    multiply(in.position.floats() + (item * in.n_heads + head) * width, stride, in.n_queries, width, encodings,
             n_distances, nullptr, n_distances, by_distance);
    const bool is_by_query = in.hidden.shape[2] != 1;
    const float* hidden = in.hidden.floats() + item * (is_by_query ? in.n_queries : 1) * in.n_keys;
    for (std::size_t query = 0; query < in.n_queries; ++query) {
      float* row = scores + query * in.n_keys;
      std::copy_n(hidden + (is_by_query ? query * in.n_keys : 0), in.n_keys, row);
      // Key j is at the distance of place j + offset.
      const std::int64_t offset = in.first - static_cast<std::int64_t>(query);
      const std::int64_t begin = std::max<std::int64_t>(0, -offset);
      const std::int64_t end =
          std::min<std::int64_t>(static_cast<std::int64_t>(in.n_keys), static_cast<std::int64_t>(n_distances) - offset);
      const float* moved = by_distance + static_cast<std::int64_t>(query * n_distances) + offset;
      for (std::int64_t key = begin; key < end; ++key) row[key] += moved[key];
    }
  }

  const Kernel& kernel_;
  std::size_t n_parts_;
};

template <std::size_t N_PARTS>
Node* make(const NodeInfo&, const Kernel& kernel) {
  return new RelativeAttention(kernel, N_PARTS);
}

}  // namespace

const Operator kRelativeAttention = {"RelativeAttention", "ffffffl", make<1>};
const Operator kRelativeAttentionCached = {"RelativeAttentionCached", "ffffffffl", make<2>};

}  // namespace fastctc::operators
