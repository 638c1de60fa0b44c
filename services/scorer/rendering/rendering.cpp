// Answers as bytes: what a bundle says about rows as replies and records, and the links of the records' chain; called
// from native.py and linking.py without the GIL.
//
// parts.py, writing.py and linking.py say the same in Python with protobuf's own classes, and tests compare the two byte
// by byte. Numbers of fields and enums are those of scorer/v1/scorer.proto, types/v1/prediction.proto and
// types/v1/explanation.proto; the formulas of digests and links stand in types/v1/prediction.proto.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

enum Explain : int32_t { kNone = 1, kReasons = 2, kAll = 3 };
enum Decision : uint64_t { kApprove = 1, kRefuse = 2 };
enum Wire : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2 };

// Texts one after the other; text i reaches from starts[i] to starts[i + 1].
struct Texts {
  const char* bytes;
  const int64_t* starts;
};

// What a bundle's answers have in common. Features that are one reason share a number, from 0 by their first position.
struct Wording {
  int32_t n_features, n_reasons;
  const int32_t* reasons;  // (n_features)
  Texts names;
  Texts codes;    // of the reason that a feature counts to
  Texts held;     // its text where the feature's value is 1
  Texts lacking;  // its text for any other value
  double baseline, threshold, baseline_probability;
};

// The rows of one call; matrices are (n_rows, n_features).
struct Rows {
  int64_t n_rows;
  const double *values, *contributions, *margins, *probabilities, *scales;
  const uint8_t *imputed, *sound;
  const int32_t *explain, *most;  // what each row wants: an Explain, and at most how many principal reasons
};

// SHA-256 of OpenSSL, as the interpreter has it: three functions of its library that Python has looked up.
struct Digests {
  int (*init)(void*);
  int (*update)(void*, const void*, size_t);
  int (*final)(unsigned char*, void*);
};

constexpr size_t kHashBytes = 32, kBlockBytes = 64, kSaltBytes = 16, kRandomBytes = 32;

class Sha256 {
 public:
  explicit Sha256(const Digests& digests) : digests_(digests) { digests_.init(state_); }

  Sha256& add(const void* from, size_t length) {
    digests_.update(state_, from, length);
    return *this;
  }

  void end(unsigned char* hash) { digests_.final(hash, state_); }

 private:
  const Digests& digests_;
  alignas(16) unsigned char state_[512];  // SHA256_CTX takes 112
};

// HMAC-SHA-256 under a key that is no longer than a block.
void hmac(const Digests& digests, const char* key, size_t key_length, const std::string& content, unsigned char* hash) {
  unsigned char inner[kBlockBytes], outer[kBlockBytes];
  for (size_t place = 0; place < kBlockBytes; ++place) {
    const unsigned char byte = place < key_length ? static_cast<unsigned char>(key[place]) : 0;
    inner[place] = byte ^ 0x36;
    outer[place] = byte ^ 0x5c;
  }
  Sha256(digests).add(inner, sizeof inner).add(content.data(), content.size()).end(hash);
  Sha256(digests).add(outer, sizeof outer).add(hash, kHashBytes).end(hash);
}

// Many byte strings of Python's: string i has lengths[i] bytes.
struct Strings {
  const char* const* from;
  const int64_t* lengths;
};

// What of replies and records does not follow from bundle and inputs.
struct Frames {
  const Digests* digests;
  Strings alike;           // name up to the prediction's identifier; fields of each reply; field of each record
  Strings replies;         // (n_rows) fields of ScoreResponse that the call determines
  Strings records;         // (n_rows) fields of DecisionPart that the call determines
  Strings persons;         // (n_rows) fields of PersonalPart other than the values
  const char* randomness;  // (n_rows, kRandomBytes) identifier and salt
};

class Message {
 public:
  void clear() { bytes_.clear(); }
  const std::string& bytes() const { return bytes_; }
  void append(const Strings& strings, int64_t place) {
    bytes_.append(strings.from[place], static_cast<size_t>(strings.lengths[place]));
  }

  void number(uint32_t field, uint64_t value) {
    tag(field, kVarint);
    varint(value);
  }

  // A field without presence is left out where all of its bits are zero.
  void real(uint32_t field, double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (bits != 0) present_real(field, value);
  }

  void present_real(uint32_t field, double value) {
    tag(field, kFixed64);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  void text(uint32_t field, const Texts& texts, int32_t place) {
    const int64_t start = texts.starts[place];
    content(field, texts.bytes + start, texts.starts[place + 1] - start);
  }

  void content(uint32_t field, const char* from, size_t length) {
    tag(field, kBytes);
    varint(length);
    bytes_.append(from, length);
  }

  void packed(uint32_t field, const std::vector<double>& values) {
    if (!values.empty()) content(field, reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
  }

  void packed(uint32_t field, const std::vector<int32_t>& values) {
    if (values.empty()) return;
    size_t length = 0;
    for (const int32_t value : values) length += value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
    tag(field, kBytes);
    varint(length);
    for (const int32_t value : values) varint(static_cast<uint64_t>(value));
  }

 private:
  void tag(uint32_t field, Wire wire) { varint(field << 3 | wire); }

  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }

  std::string bytes_;
};

// The reasons of one row: features by falling |contribution|, and of each principal reason the heaviest feature.
struct Ranked {
  std::vector<int32_t> features, principal;
  std::vector<double> contributions;
};

class Ranking {
 public:
  explicit Ranking(const Wording& wording) : wording_(wording), sums_(wording.n_reasons) {}

  // Equal weights stand by position.
  void rank(const double* contributions, Explain explain, int32_t most, Ranked& ranked) {
    ranked = Ranked();
    if (explain == kNone) return;
    find_principal(contributions, most);
    for (const int32_t reason : principal_) ranked.principal.push_back(heaviest(contributions, reason));
    for (int32_t feature = 0; feature < wording_.n_features; ++feature)
      if (contributions[feature] != 0.0 && (explain == kAll || is_principal(wording_.reasons[feature])))
        ranked.features.push_back(feature);
    std::stable_sort(ranked.features.begin(), ranked.features.end(), [&](int32_t one, int32_t other) {
      return std::fabs(contributions[one]) > std::fabs(contributions[other]);
    });
    for (const int32_t feature : ranked.features) ranked.contributions.push_back(contributions[feature]);
  }

 private:
  // Keeps the numbers of the reasons that raised the margin most, at most so many, in rank order.
  void find_principal(const double* contributions, int32_t most) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    for (int32_t feature = 0; feature < wording_.n_features; ++feature)
      sums_[wording_.reasons[feature]] += contributions[feature];
    principal_.clear();
    for (int32_t reason = 0; reason < wording_.n_reasons; ++reason) {
      if (!(sums_[reason] > 0.0)) continue;
      const auto place = std::find_if(principal_.begin(), principal_.end(),
                                      [&](int32_t other) { return sums_[other] < sums_[reason]; });
      if (place == principal_.end() && static_cast<int32_t>(principal_.size()) >= most) continue;
      principal_.insert(place, reason);
      if (static_cast<int32_t>(principal_.size()) > most) principal_.pop_back();
    }
  }

  bool is_principal(int32_t reason) const {
    return std::find(principal_.begin(), principal_.end(), reason) != principal_.end();
  }

  int32_t heaviest(const double* contributions, int32_t reason) const {
    int32_t found = -1;
    for (int32_t feature = 0; feature < wording_.n_features; ++feature)
      if (wording_.reasons[feature] == reason && (found < 0 || contributions[feature] > contributions[found]))
        found = feature;
    return found;
  }

  const Wording& wording_;
  std::vector<double> sums_;
  std::vector<int32_t> principal_;
};

// Writes one row after the other.
class Writer {
 public:
  Writer(const Wording& wording, const Rows& rows) : wording_(wording), rows_(rows), ranking_(wording) {}

  void write(int64_t row, Message& response, Message& decision) {
    explain_ = static_cast<Explain>(rows_.explain[row]);
    values_ = rows_.values + row * wording_.n_features;
    find_imputed(rows_.imputed + row * wording_.n_features);
    ranking_.rank(rows_.contributions + row * wording_.n_features, explain_, rows_.most[row], ranked_);
    respond(row, response);
    record(row, decision);
  }

 private:
  void respond(int64_t row, Message& message) {
    numbers(row, message, 4);
    if (explain_ != kNone) {
      explained(row);
      message.content(9, reasons_.bytes().data(), reasons_.bytes().size());
    }
    for (const int32_t feature : imputed_) message.text(10, wording_.names, feature);
  }

  // The fields of Reasons.
  void explained(int64_t row) {
    reasons_.clear();
    for (const int32_t feature : ranked_.features) reasons_.text(1, wording_.names, feature);
    reasons_.packed(2, ranked_.contributions);
    for (const int32_t feature : ranked_.principal) reasons_.text(3, wording_.codes, feature);
    for (const int32_t feature : ranked_.principal)
      reasons_.text(4, values_[feature] == 1.0 ? wording_.held : wording_.lacking, feature);
    reasons_.real(5, wording_.baseline_probability);
    reasons_.real(6, rows_.scales[row]);
  }

  void record(int64_t row, Message& message) {
    numbers(row, message, 10);
    message.packed(15, ranked_.features);
    message.packed(16, ranked_.contributions);
    message.packed(17, imputed_);
    for (const int32_t feature : ranked_.principal) message.text(20, wording_.codes, feature);
    message.number(21, explain_);
    message.number(22, rows_.most[row]);
    if (explain_ == kNone) return;
    message.present_real(23, wording_.baseline_probability);
    message.present_real(24, rows_.scales[row]);
  }

  // Probability, margin, baseline, threshold and decision, from the field on.
  void numbers(int64_t row, Message& message, uint32_t field) {
    message.real(field, rows_.probabilities[row]);
    message.real(field + 1, rows_.margins[row]);
    message.real(field + 2, wording_.baseline);
    message.real(field + 3, wording_.threshold);
    message.number(field + 4, rows_.probabilities[row] >= wording_.threshold ? kRefuse : kApprove);
  }

  void find_imputed(const uint8_t* imputed) {
    imputed_.clear();
    for (int32_t feature = 0; feature < wording_.n_features; ++feature)
      if (imputed[feature]) imputed_.push_back(feature);
  }

  const Wording& wording_;
  const Rows& rows_;
  Ranking ranking_;
  Ranked ranked_;
  std::vector<int32_t> imputed_;
  Message reasons_;
  Explain explain_ = kNone;
  const double* values_ = nullptr;
};

// A UUID of version 4 in its 36 characters, of 16 random bytes.
std::string uuid(const char* randomness) {
  static const char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int place = 0; place < 16; ++place) {
    const auto byte = static_cast<unsigned char>(randomness[place]);
    if (place == 4 || place == 6 || place == 8 || place == 10) text += '-';
    text += place == 6 ? '4' : place == 8 ? "89ab"[byte >> 4 & 3] : kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// Puts what a bundle says about one row into its frame.
class Framing {
 public:
  Framing(const Wording& wording, const Rows& rows, const Frames& frames)
      : frames_(frames), rows_(rows), n_features_(wording.n_features), writer_(wording, rows) {}

  void write(int64_t row, Message& reply, Message& decision, Message& person) {
    const char* randomness = frames_.randomness + row * kRandomBytes;
    const std::string id = uuid(randomness);
    person.append(frames_.persons, row);
    if (n_features_ > 0)
      person.content(3, reinterpret_cast<const char*>(rows_.values + row * n_features_), n_features_ * sizeof(double));
    const std::string name = std::string(frames_.alike.from[0], frames_.alike.lengths[0]) + id;
    reply.content(1, name.data(), name.size());
    reply.append(frames_.alike, 1);
    reply.append(frames_.replies, row);
    decision.append(frames_.records, row);
    decision.content(2, id.data(), id.size());
    decision.append(frames_.alike, 2);
    writer_.write(row, reply, decision);
    unsigned char digest[kHashBytes];
    hmac(*frames_.digests, randomness + kRandomBytes - kSaltBytes, kSaltBytes, person.bytes(), digest);
    decision.content(18, reinterpret_cast<const char*>(digest), sizeof digest);
  }

 private:
  const Frames& frames_;
  const Rows& rows_;
  const int32_t n_features_;
  Writer writer_;
};

}  // namespace

// Writes reply, decision part and personal part of all rows that are sound, and where each ends to `ends` (3 n_rows).
// Returns the bytes, which are the thread's until its next call; null if there is no memory.
extern "C" const char* answers(const Wording* wording, const Rows* rows, const Frames* frames, int64_t* ends) {
  try {
    static thread_local std::string written;
    written.clear();
    Message messages[3];
    Framing framing(*wording, *rows, *frames);
    for (int64_t row = 0; row < rows->n_rows; ++row) {
      for (Message& message : messages) message.clear();
      if (rows->sound[row]) framing.write(row, messages[0], messages[1], messages[2]);
      for (const Message& message : messages) *ends++ = static_cast<int64_t>(written.append(message.bytes()).size());
    }
    return written.data();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

// Writes records as the `records` of a Segment, and the hash of each to `hashes` (n, kHashBytes). `parts` are decision
// part, personal part and salt of one record after the other; the first gets the sequence and builds on `previous`.
// Returns the bytes, which are the thread's until its next call, and their number; null if there is no memory.
extern "C" const char* records(const Digests* digests, const unsigned char* previous, uint64_t sequence, int64_t n,
                               const Strings* parts, unsigned char* hashes, int64_t* length) {
  try {
    static thread_local Message batch;
    batch.clear();
    Message record;
    for (int64_t place = 0; place < n; ++place, ++sequence, hashes += kHashBytes) {
      unsigned char number[8];
      for (int byte = 0; byte < 8; ++byte) number[byte] = static_cast<unsigned char>(sequence >> (56 - 8 * byte));
      unsigned char digest[kHashBytes];
      Sha256(*digests).add(parts->from[3 * place], parts->lengths[3 * place]).end(digest);
      Sha256(*digests).add(previous, kHashBytes).add(number, sizeof number).add(digest, sizeof digest).end(hashes);
      record.clear();
      record.number(1, sequence);
      for (uint32_t part = 0; part < 3; ++part)
        if (const int64_t size = parts->lengths[3 * place + part])
          record.content(part + 2, parts->from[3 * place + part], size);
      record.content(5, reinterpret_cast<const char*>(hashes), kHashBytes);
      batch.content(4, record.bytes().data(), record.bytes().size());
      previous = hashes;
    }
    *length = static_cast<int64_t>(batch.bytes().size());
    return batch.bytes().data();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
