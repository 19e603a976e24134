// The length of a graph's position table, read from the ONNX file.
#pragma once

#include <cstddef>
#include <string>

namespace fastctc {

// Output frames that the position table of the graph covers; 0 when the file shows none.
//
// NeMo exports the table as a constant float tensor [1, rows, width] that a Slice with computed bounds cuts to the
// audio's length: for relative positions (RelPositionalEncoding, rows = 2 * frames - 1) both bounds are computed, for
// absolute ones (PositionalEncoding, rows = frames) the start is constant. Past the table the graph fails or, one
// frame over, gives wrong values silently.
//
// Jumps over the weights, so the file's size doesn't matter; never raises.
std::size_t find_position_table(const std::string& graph_path);

}  // namespace fastctc
