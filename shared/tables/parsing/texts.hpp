// Texts as parser.cpp, which includes this file, finds them in cells: what is one, and which of them are different.

constexpr int kHead = 32;  // bytes of a text that are compared at once
constexpr int kSlots = 4 * kMostTexts;
constexpr int16_t kMissing = -1;

// The first bytes of a text, zero behind its end.
struct Head {
  uint64_t words[4];
};

// What is masked out is never read: a text may be the last there is.
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
