// Answers as bytes: what a bundle says about rows, as the fields of ScoreResponse and of DecisionPart that it determines;
// called from native.py without the GIL.
//
// answer_parts.py says the same in Python with protobuf's own classes, and a test compares the two byte by byte. Fields
// are written in the order of their numbers, as protobuf does it; numbers of fields and enums are those of
// scorer/v1/scorer.proto, types/v1/prediction.proto and types/v1/explanation.proto.

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

class Message {
 public:
  void clear() { bytes_.clear(); }
  const std::string& bytes() const { return bytes_; }

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

}  // namespace

// Writes the parts of all rows that are sound, first the response's, then the decision's, and where each ends to
// `ends` (2 n_rows). Returns the bytes, which are the thread's until its next call; null if there is no memory.
extern "C" const char* render(const Wording* wording, const Rows* rows, int64_t* ends) {
  try {
    static thread_local std::string parts;
    parts.clear();
    Message response, decision;
    Writer writer(*wording, *rows);
    for (int64_t row = 0; row < rows->n_rows; ++row) {
      response.clear();
      decision.clear();
      if (rows->sound[row]) writer.write(row, response, decision);
      ends[2 * row] = static_cast<int64_t>(parts.append(response.bytes()).size());
      ends[2 * row + 1] = static_cast<int64_t>(parts.append(decision.bytes()).size());
    }
    return parts.data();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
