// Where cells end, for parser.cpp, which includes this file: 64 bytes of the rows at a time.

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

INLINE uint64_t where(__m512i chunk, char byte) { return _mm512_cmpeq_epi8_mask(chunk, _mm512_set1_epi8(byte)); }

// Sixty-four bytes, zero from the end on, where none is read.
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

// Up to 64 places behind the last end that is found are written to.
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
