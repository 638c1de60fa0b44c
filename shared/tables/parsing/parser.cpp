// Rows of a CSV file parsed into columns; called from native.py without the GIL.
//
// It takes what files of tables consist of: rows of equally many cells, numbers as they are commonly written, texts of
// which there are few, in quotes as a whole or not at all. Of anything else (a quote inside a cell, a carriage return, a
// row of another length, a text where a number belongs, a text in another encoding) it says that it cannot, and whoever
// called it parses those rows with Arrow.
//
// Some hundred rows at a time: first all ends of cells are found, then each column is converted from its first row to
// its last, so that the same steps are repeated for cells alike while the rows are in the cache. Cells in which there is
// nothing unusual are converted without a branch.
//
// Numbers are rounded exactly (Clinger, 1990): an integer of at most 2^53 divided by a power of ten of at most 10^15 is
// one division of two exact doubles. What has more digits or an exponent is left to std::from_chars.
//
// All of it takes AVX-512 with VBMI2 (Intel since Ice Lake, AMD since Zen 4): in plain C++ it is no faster than Arrow,
// which parses everything where the machine or the compiler has not got that.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#if !defined(__x86_64__) || !defined(__GNUC__) || defined(__clang__) || !defined(__cpp_lib_to_chars)
extern "C" int is_able() { return 0; }
#else
#include <immintrin.h>

// Whether this machine has what the rest of this file takes.
extern "C" int is_able() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt")

#define INLINE inline __attribute__((always_inline))
#define RARELY(condition) __builtin_expect(!!(condition), 0)

constexpr int kCells = 1 << 12;      // whose ends are found before their columns are converted, at least 64 rows
constexpr int kDigits = 16;          // bytes of a number that is converted without a branch, sign and point among them
constexpr int kHead = 32;            // bytes of a text that are compared at once
constexpr int kMostTexts = 1 << 10;  // MOST_TEXTS of native.py
constexpr int kSlots = 4 * kMostTexts;
constexpr int16_t kMissing = -1;
constexpr uint64_t kExact = uint64_t{1} << 53;
constexpr double kPowers[kDigits] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

enum Kind : int32_t { kSkipped = 0, kWhole = 1, kReal = 2, kText = 3 };  // KINDS of native.py

// One column of the file, and where its cells go.
struct Column {
  Kind kind;
  int32_t n_texts;    // set: how many different texts there are
  int64_t n_missing;  // set
  void* values;       // (n_rows) int64, double, or int16: the place of the text among the different ones, -1 if missing
  uint8_t* present;   // (n_rows) bits; null of texts
  uint32_t* texts;    // (kMostTexts, 2) where a text begins in the rows, and its bytes
};

struct Texts {
  const char* bytes;
  const int32_t* lengths;
  int32_t count;
};

// What is there to be parsed.
struct Rows {
  const char* bytes;
  int64_t n_bytes, n_rows;
  int32_t n_columns, quoted;
  Texts missing;
};

struct Cell {
  const char* start;
  uint32_t length;
};

// A number of at most kDigits bytes: mantissa / 10^fraction; `plain` unless it is written in another way.
struct Number {
  uint64_t mantissa;
  uint32_t fraction;
  bool negative, plain, whole;  // whether there is a minus, nothing unusual, no point
};

// The first bytes of a text, zero behind its end.
struct Head {
  uint64_t words[4];
};

// What is found before anything is converted.
struct Survey {
  int64_t newlines;      // outside of quotes
  uint64_t inside;       // all ones if the bytes end inside of quotes
  bool quoted, foreign;  // whether there is a quote, a carriage return
};

// Where the search for ends of cells has come to.
struct Search {
  uint32_t* ends;
  uint64_t inside;  // all ones inside of quotes
};

INLINE Head head_of(Cell cell) {
  const uint32_t there = cell.length < kHead ? _bzhi_u32(~0u, cell.length) : ~0u;
  Head head;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(&head), _mm256_maskz_loadu_epi8(there, cell.start));
  return head;
}

// The different texts of a column and their codes, in the order in which they turned up.
class Dictionary {
 public:
  Dictionary() { std::memset(slots_, 0xff, sizeof slots_); }

  // The code of a text, if it is there.
  INLINE bool find(Cell cell, int16_t* code) const {
    const Head head = head_of(cell);
    for (uint32_t slot = slot_of(cell, head); slots_[slot] >= 0; slot = (slot + 1) % kSlots) {
      const Entry& entry = entries_[slots_[slot]];
      if (std::memcmp(&entry.head, &head, sizeof head) == 0 && entry.cell.length == cell.length &&
          (cell.length <= kHead || std::memcmp(entry.cell.start, cell.start, cell.length) == 0)) {
        *code = entry.code;
        return true;
      }
    }
    return false;
  }

  // Adds a text that is not there; false if there are too many.
  bool add(Cell cell, int16_t code) {
    if (entries_.size() == kMostTexts) return false;
    const Head head = head_of(cell);
    uint32_t slot = slot_of(cell, head);
    while (slots_[slot] >= 0) slot = (slot + 1) % kSlots;
    slots_[slot] = static_cast<int16_t>(entries_.size());
    entries_.push_back({head, cell, code});
    return true;
  }

 private:
  struct Entry {
    Head head;
    Cell cell;
    int16_t code;
  };

  static INLINE uint32_t slot_of(Cell cell, const Head& head) {
    uint64_t mixed = (head.words[0] ^ cell.length) * 0x9e3779b97f4a7c15 + head.words[1] * 0xc2b2ae3d27d4eb4f +
                     head.words[2] * 0x165667b19e3779f9 + head.words[3] * 0x27d4eb2f165667c5;
    mixed ^= mixed >> 29;
    return static_cast<uint32_t>((mixed * 0xbf58476d1ce4e5b9) >> 40) % kSlots;
  }

  std::vector<Entry> entries_;
  int16_t slots_[kSlots];
};

static void add_missing(const Texts& missing, Dictionary& texts) {
  const char* start = missing.bytes;
  for (int i = 0; i < missing.count; start += missing.lengths[i++]) {
    const Cell cell = {start, static_cast<uint32_t>(missing.lengths[i])};
    texts.add(cell, kMissing);
  }
}

static bool is_missing(const Dictionary& missing, Cell cell) {
  int16_t code;
  return missing.find(cell, &code);
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

// Takes off the quotes around a text; false if there is one elsewhere.
static bool unquote(Cell* cell) {
  if (cell->length >= 2 && cell->start[0] == '"' && cell->start[cell->length - 1] == '"')
    *cell = {cell->start + 1, cell->length - 2};
  return std::memchr(cell->start, '"', cell->length) == nullptr;
}

// Whether the text is UTF-8 (RFC 3629).
static bool is_utf8(Cell cell) {
  const auto* byte = reinterpret_cast<const uint8_t*>(cell.start);
  const auto* end = byte + cell.length;
  while (byte < end) {
    const int more = *byte < 0x80 ? 0 : (*byte >> 5) == 6 ? 1 : (*byte >> 4) == 14 ? 2 : (*byte >> 3) == 30 ? 3 : -1;
    if (more < 0 || end - byte <= more) return false;
    uint32_t point = more ? *byte & (0x3f >> more) : *byte;
    for (int i = 1; i <= more; i++) {
      if ((byte[i] & 0xc0) != 0x80) return false;
      point = point << 6 | (byte[i] & 0x3f);
    }
    constexpr uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    byte += more + 1;
  }
  return true;
}

INLINE uint64_t where(__m512i chunk, char byte) { return _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8(byte)); }

INLINE __m512i load(const char* bytes, int64_t begin, int64_t end) {
  return _mm512_maskz_loadu_epi8(end - begin < 64 ? _bzhi_u64(~uint64_t{0}, end - begin) : ~uint64_t{0}, bytes + begin);
}

// Which bytes are inside of quotes; `inside` goes from all ones to none, and back, with each of them.
INLINE uint64_t quoted(uint64_t quotes, uint64_t* inside) {
  if (RARELY(quotes != 0)) {
    for (int step = 1; step < 64; step *= 2) quotes ^= quotes << step;
    quotes ^= *inside;
    *inside = 0 - (quotes >> 63);
    return quotes;
  }
  return *inside;
}

static Survey look(const char* bytes, int64_t n_bytes) {
  Survey found = {};
  uint64_t quotes = 0, foreign = 0;
  for (int64_t i = 0; i < n_bytes; i += 64) {
    const __m512i chunk = load(bytes, i, n_bytes);
    const uint64_t here = where(chunk, '"');
    found.newlines += __builtin_popcountll(where(chunk, '\n') & ~quoted(here, &found.inside));
    quotes |= here;
    foreign |= where(chunk, '\r');
  }
  found.quoted = quotes != 0;
  found.foreign = foreign != 0;
  return found;
}

template <int kPart>
INLINE __m512i widened(__m512i places) { return _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(places, kPart)); }

INLINE Search find_ends(const char* bytes, int64_t begin, int64_t end, Search search) {
  alignas(64) static const uint8_t kPlaces[64] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i places = _mm512_load_si512(kPlaces);
  for (int64_t i = begin; i < end; i += 64) {
    const __m512i chunk = load(bytes, i, end);
    const uint64_t found = (where(chunk, ',') | where(chunk, '\n')) & ~quoted(where(chunk, '"'), &search.inside);
    const __m512i packed = _mm512_maskz_compress_epi8(found, places);
    const __m512i base = _mm512_set1_epi32(static_cast<int>(i));
    const int count = __builtin_popcountll(found);
    _mm512_storeu_si512(search.ends, _mm512_add_epi32(base, widened<0>(packed)));
    if (RARELY(count > 16)) {
      _mm512_storeu_si512(search.ends + 16, _mm512_add_epi32(base, widened<1>(packed)));
      _mm512_storeu_si512(search.ends + 32, _mm512_add_epi32(base, widened<2>(packed)));
      _mm512_storeu_si512(search.ends + 48, _mm512_add_epi32(base, widened<3>(packed)));
    }
    search.ends += count;
  }
  return search;
}

// Sixteen digits that end where the cell does are added up in pairs, fours and eights; those in front of the point are
// moved to its place before.
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

// Where the cells of a column lie: its ends, and those of the column before.
struct Span {
  const char* bytes;
  const uint32_t* ends;  // of the first row; each row's stand n_columns further
  int32_t n_columns;

  INLINE Cell cell(int64_t row) const {
    const uint32_t* end = ends + row * n_columns;
    return {bytes + static_cast<uint32_t>(end[-1] + 1), end[0] - end[-1] - 1};
  }
};

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

// Converts rows from a multiple of 64 on; false if a cell is neither a number nor missing.
template <class T>
INLINE bool set_numbers(const Span& span, const Dictionary& missing, int64_t first, int64_t n_rows, Column& column) {
  T* values = static_cast<T*>(column.values) + first;
  uint8_t* present = column.present + first / 8;
  for (int64_t begin = 0; begin < n_rows; begin += 64, present += 8) {
    const int64_t n = n_rows - begin < 64 ? n_rows - begin : 64;
    uint64_t bits = 0;
    for (int64_t i = 0; i < n; i++) {
      const Cell cell = span.cell(begin + i);
      bits |= static_cast<uint64_t>(cell.length != 0) << i;
      if (RARELY(!set_number(number_of(cell), cell, values + begin + i))) {
        if (!is_missing(missing, cell)) return false;
        values[begin + i] = 0;
        bits &= ~(uint64_t{1} << i);
      }
    }
    column.n_missing += n - __builtin_popcountll(bits);
    std::memcpy(present, &bits, (n + 7) / 8);
  }
  return true;
}

// Sets the code of a text that is not there as it is written, and adds it; false if it is no UTF-8, or one too many.
static bool add_text(const char* bytes, Cell written, Dictionary& texts, Column& column, int16_t* code) {
  Cell cell = written;
  if (!unquote(&cell) || !is_utf8(cell)) return false;
  if (cell.start != written.start && texts.find(cell, code)) return texts.add(written, *code);
  if (column.n_texts == kMostTexts) return false;
  *code = static_cast<int16_t>(column.n_texts);
  column.texts[2 * column.n_texts] = static_cast<uint32_t>(cell.start - bytes);
  column.texts[2 * column.n_texts++ + 1] = cell.length;
  return texts.add(cell, *code) && (cell.start == written.start || texts.add(written, *code));
}

INLINE bool set_texts(const Span& span, Dictionary& texts, int64_t first, int64_t n_rows, Column& column) {
  int16_t* codes = static_cast<int16_t*>(column.values) + first;
  for (int64_t i = 0; i < n_rows; i++) {
    const Cell cell = span.cell(i);
    if (RARELY(!texts.find(cell, codes + i)))
      if (!add_text(span.bytes, cell, texts, column, codes + i)) return false;
  }
  return true;
}

// Whether no cell has a quote inside.
static bool is_plain(const Span& span, int64_t n_rows) {
  for (int64_t i = 0; i < n_rows; i++) {
    Cell cell = span.cell(i);
    if (!unquote(&cell)) return false;
  }
  return true;
}

// Some rows whose cells' ends are known.
static bool set_rows(const Rows& rows, const uint32_t* ends, int64_t first, int64_t n_rows, Column* columns,
                     std::vector<Dictionary>& texts) {
  auto dictionary = texts.begin();
  const Dictionary& missing = *dictionary;
  for (int32_t i = 0; i < rows.n_columns; i++) {
    const Span span = {rows.bytes, ends + i, rows.n_columns};
    Column& column = columns[i];
    const bool taken = column.kind == kWhole  ? set_numbers<int64_t>(span, missing, first, n_rows, column)
                       : column.kind == kReal ? set_numbers<double>(span, missing, first, n_rows, column)
                       : column.kind == kText ? set_texts(span, *++dictionary, first, n_rows, column)
                                              : !rows.quoted || is_plain(span, n_rows);
    if (!taken) return false;
  }
  return true;
}

// Whether every row ends where its last cell does; of the last row the end of the bytes will do.
static bool is_even(const Rows& rows, const uint32_t* ends, int64_t n_rows) {
  bool even = true;
  for (int64_t row = 1; row <= n_rows; row++) {
    const int64_t end = ends[row * rows.n_columns - 1];
    even &= end == rows.n_bytes || rows.bytes[end] == '\n';
  }
  return even;
}

static bool parse_rows(const Rows& rows, Column* columns) {
  constexpr int64_t kStep = 1 << 12;
  std::vector<Dictionary> texts(1);
  add_missing(rows.missing, texts[0]);
  for (int32_t i = 0; i < rows.n_columns; i++)
    if (columns[i].kind == kText) texts.push_back(texts[0]);
  const int64_t least = 64 * static_cast<int64_t>(rows.n_columns);
  std::vector<uint32_t> room((least > kCells ? least : kCells) + kStep + 128);
  uint32_t* const ends = room.data() + 1;
  ends[-1] = ~uint32_t{0};  // one before the first byte
  Search search = {ends, 0};
  int64_t read = 0, first = 0;
  while (first < rows.n_rows) {
    while (read < rows.n_bytes && search.ends - ends < (least > kCells ? least : kCells)) {
      const int64_t stop = rows.n_bytes - read < kStep ? rows.n_bytes : read + kStep;
      search = find_ends(rows.bytes, read, stop, search);
      read = stop;
      if (read == rows.n_bytes && rows.bytes[read - 1] != '\n') *search.ends++ = static_cast<uint32_t>(read);
    }
    int64_t n_rows = (search.ends - ends) / rows.n_columns;
    if (read < rows.n_bytes) n_rows &= ~int64_t{63};
    const int64_t used = n_rows * rows.n_columns;
    if (n_rows == 0 || n_rows > rows.n_rows - first || !is_even(rows, ends, n_rows)) return false;
    if (!set_rows(rows, ends, first, n_rows, columns, texts)) return false;
    first += n_rows;
    ends[-1] = ends[used - 1];
    search.ends = std::copy(ends + used, search.ends, ends);
  }
  return search.ends == ends && read == rows.n_bytes;
}

// The number of rows, of which the last may lack its newline, and whether there are quotes; -1 if that takes Arrow.
extern "C" int64_t count_rows(const char* bytes, int64_t n_bytes, int32_t* quoted) {
  if (n_bytes > INT32_MAX) return -1;
  const Survey found = look(bytes, n_bytes);
  *quoted = found.quoted;
  return found.foreign || found.inside ? -1 : found.newlines + (n_bytes > 0 && bytes[n_bytes - 1] != '\n');
}

// Fills the columns, (n_columns) in the order of the file; 0 if that takes Arrow.
extern "C" int parse(const Rows* rows, Column* columns) { return parse_rows(*rows, columns); }

// Replaces each code by the new one that stands at its place; in front of the first stands that of a missing text.
extern "C" void recode(int16_t* codes, int64_t n_rows, const int16_t* renamed) {
  for (int64_t row = 0; row < n_rows; row++) codes[row] = renamed[codes[row] + 1];
}
#endif
