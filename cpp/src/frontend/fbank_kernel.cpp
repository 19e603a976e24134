// The kernel of one instruction set, FASTCTC_KERNEL. Plain C and vertical operations only; fbank_kernel.h says why.
#include "frontend/fbank_kernel.h"

#include <math.h>    // NOLINT(modernize-deprecated-headers): no functions of std
#include <string.h>  // NOLINT(modernize-deprecated-headers)

#include "base/inlined.h"

#define LANES (FASTCTC_KERNEL_BITS / 64)
#if LANES == 8
#include <immintrin.h>
#endif

namespace fastctc::frontend {
namespace {

#include "frontend/fft.inc"  // NOLINT(bugprone-suspicious-include)

// x = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m = 2 (s + s^3 / 3 + s^5 / 5 + ...), s = (m - 1) / (m + 1), |s| < 0.172:
// five terms leave 7e-10. Summed by halves (Estrin): a chain of ten operations would wait for itself.
FASTCTC_INLINE Lanes natural_log(Lanes x) {
  const uint64_t sqrt_half = 0x3FE6A09E667F3BCDull, one = 0x3FF0000000000000ull;
  const BitLanes shifted = bits_of(x) + (one - sqrt_half);
  const Lanes m = value_of((shifted & 0x000FFFFFFFFFFFFFull) + sqrt_half);
  // An integer below 2^52 in the low bits of 2^52 is its float64: no conversion instruction is needed.
  const Lanes exponent = value_of((shifted >> 52) | 0x4330000000000000ull) - (4503599627370496.0 + 1023.0);
  const Lanes s = (m - 1.0) / (m + 1.0);
  const Lanes z = s * s;
  const Lanes low = z * (2.0 / 3) + 2.0, high = z * (2.0 / 7) + 2.0 / 5;
  const Lanes series = low + (z * z) * (high + (z * z) * (2.0 / 9));
  return exponent * 0.693147180559945309417 + s * series;
}

FASTCTC_INLINE void store_feature(float* output, Lanes value, size_t n_frames) {
  if (n_frames == LANES) return store(output, value);
  float lanes[LANES];
  store(lanes, value);
  for (size_t i = 0; i < n_frames; ++i) output[i] = lanes[i];
}

// First pass (radix 4) fused with window and load; PRESENT of the 4 inputs of these butterflies hold samples.
template <size_t PRESENT>
FASTCTC_INLINE void first_pass(const KernelTables& tables, const double* columns, double* buffer, size_t from,
                               size_t to) {
  const FftStage& stage = tables.fft.stages[0];
  for (size_t j = from; j < to; ++j) {
    Complex a[4];
    for (size_t q = 0; q < 4; ++q) {
      const size_t i = 2 * (j + q * stage.m);
      if (q < PRESENT) {
        a[q] = {load(columns + tables.sample_offset[i]) * tables.window[i],
                load(columns + tables.sample_offset[i + 1]) * tables.window[i + 1]};
      } else {
        a[q] = {broadcast(0.0), broadcast(0.0)};
      }
    }
    butterfly(a);
    store_butterfly(buffer, j, stage.m, a, stage.twiddles);
  }
}

// Windowed frames through the first pass, without staging them.
void window_and_first_pass(const KernelTables& tables, const double* columns, double* buffer) {
  const size_t m = tables.fft.stages[0].m, present = (tables.win + 1) / 2;
  size_t ends[4];  // butterflies before ends[q] have a sample at input q
  for (size_t q = 0; q < 4; ++q) ends[q] = present <= q * m ? 0 : (present - q * m < m ? present - q * m : m);
  first_pass<4>(tables, columns, buffer, 0, ends[3]);
  first_pass<3>(tables, columns, buffer, ends[3], ends[2]);
  first_pass<2>(tables, columns, buffer, ends[2], ends[1]);
  first_pass<1>(tables, columns, buffer, ends[1], ends[0]);
  first_pass<0>(tables, columns, buffer, ends[0], m);
}

Lanes log_energy(const double* frame, size_t win, double scale, double floor) {
  Lanes sum = broadcast(0.0);
  for (size_t i = 0; i < win; ++i) {
    const Lanes value = load(frame + i * LANES);
    sum += value * value;
  }
  return natural_log(larger(sum * scale, broadcast(floor)));
}

// What Kaldi does to each frame (feature-window.cc, ProcessWindow), then the window; gives the log energy.
Lanes process_frames(const KernelTables& tables, const double* columns, const double* noise, double* frame) {
  const size_t win = tables.win;
  Lanes sum = broadcast(0.0);
  for (size_t i = 0; i < win; ++i) {
    Lanes value = load(columns + tables.sample_offset[i]);
    if (noise != nullptr) value = value + load(noise + i * LANES);
    store(frame + i * LANES, value);
    sum += value;
  }
  if (tables.remove_dc_offset) {
    const Lanes mean = sum / broadcast((double)win);
    for (size_t i = 0; i < win; ++i) store(frame + i * LANES, load(frame + i * LANES) - mean);
  }
  Lanes energy = broadcast(0.0);
  if (tables.use_energy && tables.raw_energy) energy = log_energy(frame, win, 1.0, tables.energy_floor);
  if (tables.frame_preemphasis != 0.0) {
    for (size_t i = win - 1; i > 0; --i) {
      store(frame + i * LANES, load(frame + i * LANES) - load(frame + (i - 1) * LANES) * tables.frame_preemphasis);
    }
    // Kaldi takes the first sample as its own predecessor.
    store(frame, load(frame) - load(frame) * tables.frame_preemphasis);
  }
  for (size_t i = 0; i < win; ++i) store(frame + i * LANES, load(frame + i * LANES) * tables.window[i]);
  // The window table is halved.
  if (tables.use_energy && !tables.raw_energy) energy = log_energy(frame, win, 4.0, tables.energy_floor);
  return energy;
}

void raise_power(const KernelTables& tables, double* power) {
  for (size_t i = 0; i < (tables.fft.n + 1) * LANES; ++i) {
    power[i] = tables.power_exponent == 0.5 ? sqrt(power[i]) : pow(power[i], tables.power_exponent);
  }
}

// Between two edges of the triangles, a bin adds to the rising side of one and to the falling side of the one before.
void mel_sums(const KernelTables& tables, const double* power, double* sums) {
  const double* weights = tables.mel_weights;
  Lanes last_rising = broadcast(0.0);
  for (size_t edge = 0; edge <= tables.n_mels; ++edge) {
    Lanes rising = broadcast(0.0), falling = broadcast(0.0);
    for (size_t bin = tables.mel_edges[edge]; bin < tables.mel_edges[edge + 1]; ++bin, weights += 2) {
      const Lanes value = load(power + bin * LANES);
      rising += value * weights[0];
      falling += value * weights[1];
    }
    if (edge > 0) store(sums + (edge - 1) * LANES, last_rising + falling);
    last_rising = rising;
  }
}

// Apart from the sums, whose loops of unforeseeable length would hold up the long chain of a logarithm.
void store_logs(const KernelTables& tables, const double* sums, float* output, size_t stride, size_t n_frames) {
  const Lanes guard = broadcast(tables.guard);
  for (size_t feature = 0; feature < tables.n_mels; ++feature) {
    const Lanes sum = load(sums + feature * LANES);
    const Lanes log = natural_log(tables.guard_clamps ? larger(sum, guard) : sum + guard);
    store_feature(output + feature * stride, log, n_frames);
  }
}

void store_sums(const KernelTables& tables, const double* sums, float* output, size_t stride, size_t n_frames) {
  const Lanes largest = broadcast(3.4028234663852886e38);
  for (size_t feature = 0; feature < tables.n_mels; ++feature) {
    store_feature(output + feature * stride, smaller(load(sums + feature * LANES), largest), n_frames);
  }
}

void features(const KernelTables& tables, const double* columns, const double* noise, double* scratch, float* output,
              size_t stride, size_t n_frames) {
  const FftTables& fft = tables.fft;
  const bool per_frame =
      noise != nullptr || tables.remove_dc_offset || tables.frame_preemphasis != 0.0 || tables.use_energy;
  if (!per_frame && fft.n_stages > 0 && fft.stages[0].radix == 4) {
    window_and_first_pass(tables, columns, scratch);
    run_inner_passes(fft, scratch);
  } else {
    const Lanes energy = process_frames(tables, columns, noise, scratch);
    memset(scratch + tables.win * LANES, 0, (2 * fft.n - tables.win) * LANES * sizeof(double));
    if (tables.use_energy) {
      store_feature(output, energy, n_frames);
      output += stride;
    }
    run_passes(fft, scratch);
  }
  double* power = scratch + 2 * fft.n * LANES;
  split_power(fft, scratch, power);
  if (tables.power_exponent != 1.0) raise_power(tables, power);
  double* sums = scratch + fft.scratch_vectors * LANES;
  mel_sums(tables, power, sums);
  if (tables.use_log) {
    store_logs(tables, sums, output, stride, n_frames);
  } else {
    store_sums(tables, sums, output, stride, n_frames);
  }
}

void power_spectrum(const FftTables& tables, double* buffer) {
  run_passes(tables, buffer);
  split_power(tables, buffer, buffer + 2 * tables.n * LANES);
}

void log_lanes(const double* in, double* out) { store(out, natural_log(load(in))); }

void arrange(const double* signal, size_t hop, size_t n_columns, size_t row_stride, double* columns) {
  for (size_t r = 0; r < hop; ++r) {
    for (size_t q = 0; q < n_columns; ++q) columns[r * row_stride + q] = signal[q * hop + r];
  }
}

void arrange_samples(const float* samples, double scale, double preemphasis, size_t hop, size_t n_columns,
                     size_t row_stride, double* columns) {
  const double before = scale * preemphasis;
  size_t q = 0, r = 0;
  // Tiles of LANES columns and rows, transposed in registers; the row above is the predecessor.
  for (; q + LANES <= n_columns; q += LANES) {
    double predecessors[LANES];
    for (size_t i = 0; i < LANES; ++i) predecessors[i] = (samples + (q + i) * hop)[-1];
    Lanes above = load(predecessors);
    for (r = 0; r + LANES <= hop; r += LANES) {
      FloatLanes tile[LANES];
      load_transposed(samples + q * hop + r, hop, tile);
      FASTCTC_UNROLL
      for (size_t i = 0; i < LANES; ++i) {
        const Lanes row = widen(tile[i]);
        store(columns + (r + i) * row_stride + q, row * scale - above * before);
        above = row;
      }
    }
  }
  // What the tiles leave: rows below them, columns right of them.
  const size_t n_tiled_rows = r;
  for (r = 0; r < hop; ++r) {
    for (size_t i = r < n_tiled_rows ? q : 0; i < n_columns; ++i) {
      const float* sample = samples + i * hop + r;
      columns[r * row_stride + i] = sample[0] * scale - sample[-1] * before;
    }
  }
}

}  // namespace

const Kernel FASTCTC_KERNEL::kKernel = {FASTCTC_KERNEL_NAME, LANES,    arrange, arrange_samples, features,
                                        power_spectrum,      log_lanes};

}  // namespace fastctc::frontend
