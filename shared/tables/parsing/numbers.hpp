// Numbers as parser.cpp, which includes this file, finds them in cells.
//
// They are rounded exactly (Clinger, 1990): an integer of at most 2^53 divided by a power of ten of at most 10^15 is one
// division of two exact doubles. What has more digits or an exponent is left to std::from_chars.

constexpr int kDigits = 16;  // bytes of a number that is converted without a branch, sign and point among them
constexpr uint64_t kExact = uint64_t{1} << 53;
constexpr double kPowers[kDigits] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// A number of at most kDigits bytes: mantissa / 10^fraction; `plain` unless it is written in another way.
struct Number {
  uint64_t mantissa;
  uint32_t fraction;
  bool negative, plain, whole;  // whether there is a minus, nothing unusual, no point
};

// Sixteen digits that end where the cell does are added up in pairs, fours and eights; those in front of the point are
// moved to its place before. Bytes in front of the cell are masked out, and thereby never read: there may be none.
INLINE Number number_of(Cell cell) {
  alignas(16) static const uint8_t kMoves[kDigits + 1][16] = {
#define MOVE(p, i) (i > p ? i : i == 0 ? 0x80 : i - 1)
#define MOVES(p)                                                                                        \
  {MOVE(p, 0), MOVE(p, 1), MOVE(p, 2),  MOVE(p, 3),  MOVE(p, 4),  MOVE(p, 5),  MOVE(p, 6),  MOVE(p, 7), \
   MOVE(p, 8), MOVE(p, 9), MOVE(p, 10), MOVE(p, 11), MOVE(p, 12), MOVE(p, 13), MOVE(p, 14), MOVE(p, 15)}
      MOVES(0), MOVES(1), MOVES(2),  MOVES(3),  MOVES(4),  MOVES(5),  MOVES(6),  MOVES(7), MOVES(8),
      MOVES(9), MOVES(10), MOVES(11), MOVES(12), MOVES(13), MOVES(14), MOVES(15), MOVES(-1)};
#undef MOVES
#undef MOVE
  const uint32_t all = 0xffff & (0xffff0000u >> (cell.length < kDigits ? cell.length : kDigits));
  const auto there = static_cast<__mmask16>(all);
  const __m128i raw = _mm_maskz_loadu_epi8(there, cell.start + cell.length - kDigits);
  const __m128i values = _mm_sub_epi8(raw, _mm_set1_epi8('0'));
  const uint32_t digits = _mm_mask_cmplt_epu8_mask(there, values, _mm_set1_epi8(10));
  const uint32_t points = _mm_mask_cmpeq_epi8_mask(there, raw, _mm_set1_epi8('.'));
  const uint32_t sign = _mm_mask_cmpeq_epi8_mask(static_cast<__mmask16>(_blsi_u32(all)), raw, _mm_set1_epi8('-'));
  const uint32_t point = _tzcnt_u32(points | 1u << kDigits);
  const __m128i moved = _mm_shuffle_epi8(_mm_maskz_mov_epi8(static_cast<__mmask16>(digits), values),
                                         _mm_load_si128(reinterpret_cast<const __m128i*>(kMoves[point])));
  const __m128i twos = _mm_maddubs_epi16(moved, _mm_set1_epi16(0x010a));
  const __m128i fours = _mm_madd_epi16(twos, _mm_set1_epi32(0x00010064));
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710));
  const auto both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  const bool plain = ((digits | points | sign) == all) & (_blsr_u32(points) == 0) & ((digits != 0) | (all == 0)) &
                     (cell.length <= kDigits);
  return {(both & 0xffffffff) * 100000000 + (both >> 32), point < kDigits ? kDigits - 1 - point : 0, sign != 0, plain,
          points == 0};
}

static bool converted(Cell cell, int64_t* value) {
  const char* end = cell.start + cell.length;
  const auto [stop, error] = std::from_chars(cell.start, end, *value);
  return error == std::errc() && stop == end;
}

static bool converted(Cell cell, double* value) {
  const char *end = cell.start + cell.length, *digits = cell.start + (*cell.start == '-');
  if (digits == end || (*digits != '.' && (*digits < '0' || *digits > '9'))) return false;  // such as "inf"
  const auto [stop, error] = std::from_chars(cell.start, end, *value);
  return error == std::errc() && stop == end;
}

INLINE bool set_number(const Number& number, Cell cell, int64_t* value) {
  if (RARELY(!number.plain | !number.whole)) return converted(cell, value);
  *value = static_cast<int64_t>(number.negative ? 0 - number.mantissa : number.mantissa);
  return true;
}

INLINE bool set_number(const Number& number, Cell cell, double* value) {
  if (RARELY(!number.plain | (number.mantissa > kExact))) return converted(cell, value);
  const double size = static_cast<double>(static_cast<int64_t>(number.mantissa)) / kPowers[number.fraction];
  uint64_t bits;
  std::memcpy(&bits, &size, sizeof bits);
  bits |= static_cast<uint64_t>(number.negative) << 63;  // also of zero, and without a branch
  std::memcpy(value, &bits, sizeof bits);
  return true;
}
