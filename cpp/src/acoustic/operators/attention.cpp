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
//
// Keys that a block of queries doesn't see are left out: what is hidden has weights of 2e-22 and less.
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

constexpr float kHidden = -5000.0f;  // beside what is seen; NeMo hides by -10000
constexpr std::size_t kBlockQueries = 14;

// Queries one after the other, and the first and the end of the keys that one of them sees.
struct Block {
  std::size_t begin, end;
  std::size_t first_key, end_key;
};

void add_query(const float* hidden, std::size_t n_keys, std::size_t query, std::vector<Block>& blocks) {
  const float seen = *std::max_element(hidden, hidden + n_keys) + kHidden;
  std::size_t first = 0, end = n_keys;
  while (first < end && hidden[first] < seen) ++first;
  while (end > first && hidden[end - 1] < seen) --end;
  first -= first % kPanelColumns;
  Block* last = blocks.empty() ? nullptr : &blocks.back();
  if (last && ((last->first_key == first && last->end_key == end) || last->end - last->begin < kBlockQueries)) {
    last->end = query + 1;
    last->first_key = std::min(last->first_key, first);
    last->end_key = std::max(last->end_key, end);
  } else {
    blocks.push_back({query, query + 1, first, end});
  }
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
    if (in.n_queries == 0 || in.n_keys == 0) return;
    std::vector<std::vector<Block>> blocks;
    for (std::size_t item = 0; item < in.n_items; ++item) blocks.push_back(blocks_of(in, item));
    run.for_each(in.n_items * in.n_heads,
                 [&](std::size_t i) { attend(in, i / in.n_heads, i % in.n_heads, blocks[i / in.n_heads], y); });
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

  static std::vector<Block> blocks_of(const Inputs& in, std::size_t item) {
    std::vector<Block> blocks;
    const std::size_t n_rows = in.hidden.size(2);
    const float* hidden = in.hidden.floats() + item * n_rows * in.n_keys;
    for (std::size_t row = 0; row < n_rows; ++row) add_query(hidden + row * in.n_keys, in.n_keys, row, blocks);
    if (n_rows == 1) blocks.back().end = in.n_queries;
    return blocks;
  }

  void attend(const Inputs& in, std::size_t item, std::size_t head, const std::vector<Block>& blocks, float* y) const {
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
    for (const Block& block : blocks) {
      const std::size_t n_queries = block.end - block.begin, n_keys = block.end_key - block.first_key;
      float* scores = scratch(n_queries * n_keys, kScores);
      score_positions(in, item, head, block, scores);
      const float* content = in.content.floats() + block.begin * stride + place;
      multiply({content, stride, n_queries, width}, keys + block.first_key * width, n_keys, scores, n_keys, scores);
      kernel_.softmax(scores, n_queries, n_keys);
      float* target = y + block.begin * stride + place;
      for (std::size_t column = 0; column < width; column += kPanelColumns) {
        const float* panel = values + column * in.n_keys + block.first_key * kPanelColumns;
        multiply({scores, n_keys, n_queries, n_keys}, panel, std::min(kPanelColumns, width - column), nullptr, stride,
                 target + column);
      }
    }
  }

  struct Left {
    const float* x;
    std::size_t x_stride, n_rows, n_inputs;
  };

  void multiply(const Left& left, const float* weight, std::size_t n_outputs, const float* residual,
                std::size_t y_stride, float* y) const {
    const Ending ending = {nullptr, residual, y, n_outputs, y_stride, Activation::none};
    const Product product = {left.x, weight, left.n_rows, left.n_inputs, left.x_stride, ending};
    kernel_.multiply(product, 0, n_panels_of(n_outputs));
  }

  // Scores by position, moved from their distances to the block's keys, and what is hidden.
  void score_positions(const Inputs& in, std::size_t item, std::size_t head, const Block& block, float* scores) const {
    const auto n_distances = static_cast<std::int64_t>(in.encodings.size(1) * kPanelColumns);
    const auto n_queries = static_cast<std::int64_t>(block.end - block.begin);
    const auto n_keys = static_cast<std::int64_t>(block.end_key - block.first_key);
    const auto panel = static_cast<std::int64_t>(kPanelColumns);
    // Key j of the block is at the distance of place j + offset - i, of its query i.
    const std::int64_t offset =
        in.first + static_cast<std::int64_t>(block.first_key) - static_cast<std::int64_t>(block.begin);
    // Whole panels of the distances that are there, from `lowest` on.
    const std::int64_t lowest = std::max<std::int64_t>(0, offset - n_queries + 1) / panel * panel;
    const std::int64_t highest =
        std::min(n_distances, (std::max<std::int64_t>(0, offset + n_keys) + panel - 1) / panel * panel);
    const std::int64_t n_places = std::max<std::int64_t>(0, highest - lowest);
    float* by_distance = scratch(static_cast<std::size_t>(n_queries * n_places), kByDistance);
    if (n_places > 0) {
      const std::size_t width = in.width, stride = in.n_items * in.n_heads * width;
      const float* position = in.position.floats() + block.begin * stride + (item * in.n_heads + head) * width;
      const float* encodings =
          in.encodings.floats() +
          (head * static_cast<std::size_t>(n_distances) + static_cast<std::size_t>(lowest)) * width;
      multiply({position, stride, block.end - block.begin, width}, encodings, static_cast<std::size_t>(n_places),
               nullptr, static_cast<std::size_t>(n_places), by_distance);
    }
    const bool is_by_query = in.hidden.size(2) != 1;
    const float* hidden = in.hidden.floats() + item * in.hidden.size(2) * in.n_keys + block.first_key;
    for (std::int64_t query = 0; query < n_queries; ++query) {
      float* row = scores + query * n_keys;
      std::copy_n(hidden + (is_by_query ? (block.begin + static_cast<std::size_t>(query)) * in.n_keys : 0), n_keys,
                  row);
      const std::int64_t moved_by = offset - query - lowest;
      const float* moved = by_distance + query * n_places + moved_by;
      const std::int64_t end = std::min(n_keys, n_places - moved_by);
      for (std::int64_t key = std::max<std::int64_t>(0, -moved_by); key < end; ++key) row[key] += moved[key];
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
