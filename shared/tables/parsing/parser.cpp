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

// Whether this machine has what all the rest takes.
extern "C" int is_able() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt")

#define INLINE inline __attribute__((always_inline))
#define RARELY(condition) __builtin_expect(!!(condition), 0)

constexpr int kCells = 1 << 12;      // whose ends are found before their columns are converted, at least 64 rows
constexpr int kMostTexts = 1 << 10;  // MOST_TEXTS of native.py

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

// Texts one after the other.
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

#include "ends.hpp"
#include "numbers.hpp"
#include "texts.hpp"

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
