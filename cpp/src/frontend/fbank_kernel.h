// What the vectorised kernels compute and the plain tables they read.
//
// Lanes are frames: a kernel works on n_lanes frames at once, one frame a lane, with vertical operations only, in
// float64 and without contraction to fused multiply-add. Each frame therefore sees the same operations in the same
// order whatever the width, and every instruction set gives the same bits.
//
// fbank_kernel.cpp is compiled once an instruction set (cpp/src/CMakeLists.txt). It must not instantiate inline
// functions of the standard library: the linker keeps one copy of each, and one compiled for AVX-512 would crash an
// older processor. This header therefore holds plain data only.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fastctc::frontend {

// One pass of the mixed-radix FFT: blocks of radix * m points become radix blocks of m points.
struct FftStage {
  size_t radix;
  size_t m;
  const double* twiddles;  // [m, radix - 1, 2]: exp(-2 pi i j p / (radix m)) for p = 1 ... radix - 1
  const double* roots;     // [radix, 2]: exp(-2 pi i q / radix)
};

// Power spectrum of n_fft real points by a complex FFT of n = n_fft / 2.
struct FftTables {
  size_t n;
  size_t n_stages;
  size_t scratch_vectors;  // of a kernel: the points, then the inputs of a butterfly or the power of the bins
  const FftStage* stages;
  const uint32_t* position;  // [n]: where the in-place FFT leaves frequency k
  const double* split;       // [n / 2 + 1, 2]: exp(-2 pi i k / n_fft)
};

struct KernelTables {
  FftTables fft;
  size_t win;                     // samples of a frame
  size_t hop;                     // samples from frame to frame
  const uint32_t* sample_offset;  // [win rounded up to even]: of sample i in the columns (see arrange)
  const double* window;           // [win rounded up to even]: half the window, zero past win
  size_t n_mels;
  const uint32_t* mel_edges;  // [n_mels + 2]: first bin at or past the edges of the triangles
  const double* mel_weights;  // [bins from the first edge to the last, 2]: see MelBank
  double power_exponent;      // of the power |X|^2: half of mag_power
  bool use_log;
  bool guard_clamps;  // max(x, guard) instead of x + guard
  double guard;
  bool remove_dc_offset;
  double frame_preemphasis;  // 0: off
  bool use_energy;
  bool raw_energy;
  double energy_floor;
};

struct Kernel {
  const char* name;
  size_t n_lanes;

  // columns[r * row_stride + q] = signal[q * hop + r]: sample i of frame t then stands at row i % hop, column
  // t + i / hop, and n_lanes frames in a row are one vector load. n_columns <= row_stride columns are written.
  void (*arrange)(const double* signal, size_t hop, size_t n_columns, size_t row_stride, double* columns);
  // The same of signal[i] = scale samples[i] - (scale preemphasis) samples[i - 1]; samples[-1] must be readable.
  void (*arrange_samples)(const float* samples, double scale, double preemphasis, size_t hop, size_t n_columns,
                          size_t row_stride, double* columns);
  // Features of n_frames <= n_lanes frames: output[feature * stride + frame]. `columns` points at the first frame's
  // column; n_lanes columns from there on (and those that the frames reach into) must be readable and finite.
  // noise: nullptr or [win, n_lanes], added to the samples. scratch: (fft.scratch_vectors + n_mels) n_lanes
  // doubles.
  void (*features)(const KernelTables& tables, const double* columns, const double* noise, double* scratch,
                   float* output, size_t stride, size_t n_frames);
  // buffer[2 fft.n, n_lanes] holds n_fft real points a lane at half their size, as the window table makes them;
  // afterwards the power of bin k = 0 ... n of the full-size points stands at vector 2 fft.n + k. As large as scratch.
  void (*power_spectrum)(const FftTables& tables, double* buffer);
  // out[i] = natural log of in[i], n_lanes values; in must be positive, normal and finite. Within 1e-9.
  void (*log)(const double* in, double* out);
};

// The latter two with FASTCTC_X86_KERNELS only.
namespace baseline {
extern const Kernel kKernel;
}
namespace avx2 {
extern const Kernel kKernel;
}
namespace avx512 {
extern const Kernel kKernel;
}

}  // namespace fastctc::frontend
