#include "decoding/language_model_image.h"

#include <algorithm>
#include <cstring>

#include "base/utf8.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr char kMagic[kMagicBytes + 1] = "fastctc ngram\r\n\x1a";
constexpr std::uint32_t kByteOrder = 0x01020304u;
constexpr std::uint32_t kSwappedByteOrder = 0x04030201u;
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kMost = 0xffffffffu;  // ids are 32 bits wide
constexpr float kLargest = 1e7f;              // of a logarithm: sums of them stay far from the ends of float
constexpr std::uint64_t kMostTextBytes = std::uint64_t{1} << 40;

// Byte offsets of the sections.
struct Layout {
  std::uint64_t n_grams, nodes, arc_words, arcs, word_offsets, word_slots, text, end;
};

std::uint64_t align(std::uint64_t n_bytes) { return (n_bytes + 7) & ~std::uint64_t{7}; }

// The counts are at most kMost each, and kMostTextBytes: no sum overflows.
Layout lay_out(const ImageHeader& header) {
  Layout layout;
  layout.n_grams = sizeof(ImageHeader);
  layout.nodes = align(layout.n_grams + header.order * sizeof(std::uint64_t));
  layout.arc_words = align(layout.nodes + (header.n_nodes + 1) * sizeof(ImageNode));
  layout.arcs = align(layout.arc_words + header.n_arcs * sizeof(std::uint32_t));
  layout.word_offsets = align(layout.arcs + header.n_arcs * sizeof(ImageArc));
  layout.word_slots = align(layout.word_offsets + (header.n_words + 1) * sizeof(std::uint64_t));
  layout.text = align(layout.word_slots + header.n_slots * sizeof(std::uint32_t));
  layout.end = align(layout.text + header.n_text_bytes);
  return layout;
}

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw ModelError(what + " " + why + " Build it again from its ARPA file: fastctc lm build.");
}

void check_header(const ImageHeader& header, std::size_t n_bytes, const std::string& what) {
  if (header.byte_order == kSwappedByteOrder) fail(what, "was written on a machine with another byte order.");
  if (header.byte_order != kByteOrder) fail(what, "is damaged: its byte order is none.");
  if (header.version != kVersion) {
    fail(what, "is of version " + std::to_string(header.version) +
                   " of fastctc's binary form, but this release reads " + std::to_string(kVersion) + ".");
  }
  if (header.n_bytes != n_bytes) {
    fail(what, "is cut off or damaged: it has " + std::to_string(n_bytes) + " bytes and should have " +
                   std::to_string(header.n_bytes) + ".");
  }
  const bool fits =
      header.order >= 1 && header.order <= kHighestOrder && header.n_words >= 1 && header.n_words < kMost &&
      header.n_nodes >= 1 && header.n_nodes < kMost && header.n_arcs >= header.n_words && header.n_arcs < kMost &&
      header.n_slots > header.n_words && header.n_slots <= 2 * kMost && (header.n_slots & (header.n_slots - 1)) == 0 &&
      header.n_text_bytes <= kMostTextBytes && header.start < header.n_nodes && header.end_word < header.n_words;
  if (!fits || lay_out(header).end != n_bytes) fail(what, "is damaged: its counts don't fit its size.");
}

bool check_nodes(const ImageView& view) {
  const ImageHeader& header = *view.header;
  const std::size_t n_nodes = static_cast<std::size_t>(header.n_nodes);
  bool good = view.nodes[0].first_arc == 0 && view.nodes[1].first_arc == header.n_words && view.nodes[0].link == 0 &&
              view.nodes[n_nodes].first_arc == header.n_arcs;
  for (std::size_t index = 0; index < n_nodes; ++index) {
    const ImageNode& node = view.nodes[index];
    // Links go to shorter contexts: every chain of them ends at 0.
    good = good & (node.first_arc <= view.nodes[index + 1].first_arc) & (node.link < index || index == 0) &
           (node.ln_backoff <= kLargest) & (node.ln_backoff >= -kLargest);
  }
  return good;
}

bool check_arcs(const ImageView& view) {
  const ImageHeader& header = *view.header;
  const std::size_t n_arcs = static_cast<std::size_t>(header.n_arcs);
  const std::uint32_t n_words = static_cast<std::uint32_t>(header.n_words);
  const std::uint32_t n_nodes = static_cast<std::uint32_t>(header.n_nodes);
  std::uint32_t bad = 0;
  for (std::size_t index = 0; index < n_arcs; ++index) bad |= view.arc_words[index] >= n_words;
  for (std::size_t index = 0; index < n_arcs; ++index) {
    bad |= static_cast<std::uint32_t>(view.arcs[index].next >= n_nodes) |
           static_cast<std::uint32_t>(!(view.arcs[index].ln_prob <= 0)) |
           static_cast<std::uint32_t>(!(view.arcs[index].ln_prob >= -kLargest));
  }
  for (std::uint32_t word = 0; word < n_words; ++word) bad |= view.arc_words[word] != word;
  return bad == 0;
}

bool check_words(const ImageView& view) {
  const ImageHeader& header = *view.header;
  bool good = view.words.offsets[0] == 0 && view.words.offsets[header.n_words] == header.n_text_bytes;
  for (std::size_t id = 0; id < header.n_words; ++id) good &= view.words.offsets[id] <= view.words.offsets[id + 1];
  for (std::size_t slot = 0; slot < header.n_slots; ++slot) {
    const std::uint32_t id = view.words.slots[slot];
    good &= (id == kEmptySlot) | (id < header.n_words);
  }
  return good;
}

// Whether every word is UTF-8.
bool check_text(const ImageView& view) {
  const std::size_t n_bytes = static_cast<std::size_t>(view.header->n_text_bytes);
  unsigned char bits = 0;
  for (std::size_t index = 0; index < n_bytes; ++index) {
    bits = static_cast<unsigned char>(bits | static_cast<unsigned char>(view.words.text[index]));
  }
  if (bits < 0x80) return true;
  if (find_invalid_utf8(std::string(view.words.text, n_bytes)) < n_bytes) return false;
  // No word ends within a character.
  bool good = true;
  for (std::size_t id = 0; id < view.words.n_words; ++id) {
    const std::size_t offset = static_cast<std::size_t>(view.words.offsets[id]);
    good &= offset == n_bytes || (static_cast<unsigned char>(view.words.text[offset]) & 0xC0) != 0x80;
  }
  return good;
}

// Null where it isn't among the n ascending words.
const std::uint32_t* find_word(const std::uint32_t* words, std::size_t n, std::uint32_t word) {
  // Without branches on the words: they would be guessed wrong half of the time.
  while (n > 1) {
    const std::size_t half = n / 2;
    words += words[half] <= word ? half : 0;
    n -= half;
  }
  return n == 1 && *words == word ? words : nullptr;
}

// Builds nodes and arcs, order by order.
class Builder {
 public:
  explicit Builder(const NgramTables& tables) : tables_(tables) {
    node_of_.resize(tables.orders.size());
    std::size_t n_arcs = 0;
    for (const NgramList& list : tables.orders) n_arcs += list.size();
    if (n_arcs >= kMost) throw ModelError("The language model has more than 4,294,967,295 n-grams.");
    arcs_.resize(n_arcs);
    arc_words_.resize(n_arcs);
  }

  void build() {
    nodes_.push_back({0, 0, 0});
    std::size_t first_arc = 0;
    for (std::size_t n = 1; n <= tables_.orders.size(); ++n) {
      const NgramList& list = tables_.orders[n - 1];
      add_nodes(n, first_arc + list.size());
      for (std::size_t index = 0; index < list.size(); ++index) add_arc(n, index, first_arc + index);
      first_arc += list.size();
      if (n > 1) node_of_[n - 2] = {};
    }
    nodes_.push_back({static_cast<std::uint32_t>(first_arc), 0, 0});
  }

  const std::vector<ImageNode>& nodes() const { return nodes_; }
  const std::vector<ImageArc>& arcs() const { return arcs_; }
  const std::vector<std::uint32_t>& arc_words() const { return arc_words_; }

 private:
  // Those n-grams of order n that are contexts; first_arc: of the next order.
  void add_nodes(std::size_t n, std::size_t first_arc) {
    const NgramList& list = tables_.orders[n - 1];
    std::vector<std::uint32_t>& node_of = node_of_[n - 1];
    node_of.assign(list.size(), 0);
    if (list.first_childs.empty()) return;
    for (std::size_t index = 0; index < list.size(); ++index) {
      const bool has_children = list.first_childs[index] < list.first_childs[index + 1];
      if (!has_children && list.ln_backoffs[index] == 0) continue;
      node_of[index] = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({static_cast<std::uint32_t>(first_arc + list.first_childs[index]), 0, list.ln_backoffs[index]});
    }
  }

  void add_arc(std::size_t n, std::size_t index, std::size_t arc) {
    const NgramList& list = tables_.orders[n - 1];
    const std::uint32_t word = list.words[index];
    std::uint32_t fallback = 0;  // the longest proper end of the n-gram that is a context
    if (n > 1) {
      const std::uint32_t context = node_of_[n - 2][list.parents[index]];
      fallback = next_of(nodes_[context].link, word);
    }
    const std::uint32_t node = node_of_[n - 1][index];
    if (node != 0) nodes_[node].link = fallback;
    arc_words_[arc] = word;
    arcs_[arc] = {list.ln_probs[index], node != 0 ? node : fallback};
  }

  // The node after a context of lower order and a word.
  std::uint32_t next_of(std::uint32_t node, std::uint32_t word) const {
    for (; node != 0; node = nodes_[node].link) {
      const auto begin = arc_words_.begin() + nodes_[node].first_arc;
      const auto end = arc_words_.begin() + nodes_[node + 1].first_arc;
      const auto found = std::lower_bound(begin, end, word);
      if (found != end && *found == word) return arcs_[static_cast<std::size_t>(found - arc_words_.begin())].next;
    }
    return arcs_[word].next;
  }

  const NgramTables& tables_;
  std::vector<std::vector<std::uint32_t>> node_of_;  // by order and position; 0: no context
  std::vector<ImageNode> nodes_;
  std::vector<std::uint32_t> arc_words_;
  std::vector<ImageArc> arcs_;
};

template <class T>
void copy(std::vector<char>& image, std::uint64_t offset, const std::vector<T>& values) {
  if (!values.empty()) std::memcpy(image.data() + offset, values.data(), values.size() * sizeof(T));
}

}  // namespace

bool is_image(const char* bytes, std::size_t n_bytes) {
  return n_bytes >= kMagicBytes && std::memcmp(bytes, kMagic, kMagicBytes) == 0;
}

ImageView view_image(const char* bytes, std::size_t n_bytes, const std::string& what) {
  if (n_bytes < sizeof(ImageHeader) || !is_image(bytes, n_bytes)) fail(what, "is cut off: it ends within its header.");
  ImageView view;
  view.header = reinterpret_cast<const ImageHeader*>(bytes);
  const ImageHeader& header = *view.header;
  check_header(header, n_bytes, what);
  const Layout layout = lay_out(header);
  view.n_grams = reinterpret_cast<const std::uint64_t*>(bytes + layout.n_grams);
  view.nodes = reinterpret_cast<const ImageNode*>(bytes + layout.nodes);
  view.arc_words = reinterpret_cast<const std::uint32_t*>(bytes + layout.arc_words);
  view.arcs = reinterpret_cast<const ImageArc*>(bytes + layout.arcs);
  view.words.offsets = reinterpret_cast<const std::uint64_t*>(bytes + layout.word_offsets);
  view.words.slots = reinterpret_cast<const std::uint32_t*>(bytes + layout.word_slots);
  view.words.text = bytes + layout.text;
  view.words.n_words = static_cast<std::size_t>(header.n_words);
  view.words.n_slots = static_cast<std::size_t>(header.n_slots);
  if (!check_nodes(view)) fail(what, "is damaged: its contexts don't hang together.");
  if (!check_arcs(view)) fail(what, "is damaged: an n-gram leads outside of it, or has no log-prob.");
  if (!check_words(view) || !check_text(view)) fail(what, "is damaged: its words don't hang together.");
  return view;
}

float score(const ImageView& view, std::uint32_t state, std::uint32_t word, std::uint32_t* next) {
  double ln_prob = 0;
  for (; state != 0; state = view.nodes[state].link) {
    const std::size_t first_arc = view.nodes[state].first_arc;
    const std::uint32_t* found =
        find_word(view.arc_words + first_arc, view.nodes[state + 1].first_arc - first_arc, word);
    if (found) {
      const ImageArc& arc = view.arcs[found - view.arc_words];
      *next = arc.next;
      return static_cast<float>(ln_prob + static_cast<double>(arc.ln_prob));
    }
    ln_prob += static_cast<double>(view.nodes[state].ln_backoff);
  }
  *next = view.arcs[word].next;
  return static_cast<float>(ln_prob + static_cast<double>(view.arcs[word].ln_prob));
}

std::vector<char> make_image(const NgramTables& tables) {
  Builder builder(tables);
  builder.build();
  ImageHeader header{};
  std::memcpy(header.magic, kMagic, kMagicBytes);
  header.byte_order = kByteOrder;
  header.version = kVersion;
  header.order = tables.orders.size();
  header.n_words = tables.words.size();
  header.n_nodes = builder.nodes().size() - 1;
  header.n_arcs = builder.arcs().size();
  header.n_slots = tables.words.slots().size();
  header.n_text_bytes = tables.words.text().size();
  header.start = builder.arcs()[tables.words.find("<s>")].next;
  header.end_word = tables.words.find("</s>");
  const Layout layout = lay_out(header);
  header.n_bytes = layout.end;

  std::vector<std::uint64_t> n_grams;
  for (const NgramList& list : tables.orders) n_grams.push_back(list.size());
  if (!tables.has_unknown) --n_grams[0];
  std::vector<char> image(static_cast<std::size_t>(layout.end));
  std::memcpy(image.data(), &header, sizeof(header));
  copy(image, layout.n_grams, n_grams);
  copy(image, layout.nodes, builder.nodes());
  copy(image, layout.arc_words, builder.arc_words());
  copy(image, layout.arcs, builder.arcs());
  copy(image, layout.word_offsets, tables.words.offsets());
  copy(image, layout.word_slots, tables.words.slots());
  copy(image, layout.text, tables.words.text());
  return image;
}

}  // namespace fastctc
