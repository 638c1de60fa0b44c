// Margins and exact SHAP contributions of a tree ensemble, by quadrature; called from native.py without the GIL.
//
// The Shapley value of a feature is an integral over t in [0, 1] of the game's multilinear extension (Owen, 1972). For the
// path-dependent game of TreeSHAP (Lundberg et al., 2020) the integrand is a polynomial in t of degree below the number d
// of distinct features on a path, so Gauss-Legendre quadrature with ceil(d/2) points is exact but for rounding.
//
// Write z for the product of the cover ratios of a feature's splits on the path so far, f = z + t(1 - z), and at a node
// whose children have cover ratios r_hot (where the row goes) and r_cold = 1 - r_hot:
//     mu = (1 - t) z r_cold / f             share of the node's weight at t that goes to the cold child
//     R(node) = R(hot) - mu (R(hot) - R(cold))             expectation below the node, upwards
//     P(hot) = P(node) (1 - mu), P(cold) = P(node) mu      weight of the path, downwards, from P(root) = w_q
//     contribution += r_cold sum_q P(node) z / f^2 (R(hot) - R(cold))
// Once a split of the same feature further up sent the row elsewhere, the feature's presence changes nothing: the children
// then weigh their ratios and nothing is added. The tables hold (1 - t) z / f and z / f^2 for each node's z.
//
// quadrature.hpp says it in code, for vectors of any width: many rows go through a tree side by side, a single row with
// its quadrature points side by side. All of them compute the same operations in the same order, so that they agree bit
// for bit (-ffp-contract=off keeps it so). This file compiles it for each instruction set and chooses one at run time.

#include <cstddef>
#include <cstdint>
#include <new>

#define INLINE inline __attribute__((always_inline))

constexpr int kMaxPoints = 16;  // MAX_POINTS of layout.py
constexpr int kBlock = 64;      // rows that go through a tree while it is in the cache
constexpr double kZero = 1.0000000180025095e-35;  // LightGBM's kZeroThreshold, a float

enum Kind : uint8_t { kPlain = 0, kZeroes = 1, kCategorical = 2 };

// One split. Places count within the tree: first the nodes, each after its parent, those with two leaves last; then the
// leaves. The first child of a node that has one leaf is the other one.
struct Node {
  double threshold;  // a row goes left where its value is at most this; of a categorical split the first word of its set
  double zero_ratio_zero[3];      // share of the node's training rows that went to the first child
  int32_t feature;
  int32_t children[2];
  int32_t parent;
  int32_t previous;  // the last node above that splits on the same feature; the number of nodes if there is none
  int32_t row;       // where the node's quadrature points stand in the tables
  int32_t words;     // of a categorical split the length of its set
  uint8_t kind;
  uint8_t absent_left;     // where a missing value goes (and zero, of kind kZeroes)
  uint8_t left_is_first;   // whether the left child stands first
  uint8_t previous_second;  // whether the path takes the second child of the previous node; 0 if there is none
};

struct Trees {
  int32_t n_trees, n_features, max_nodes, unused;
  const Node* nodes;
  const int32_t* roots;         // (n_trees + 1) first node of each tree
  const int32_t* inner;         // (n_trees) nodes of each tree that have a node below
  const int32_t* first_leaves;  // (n_trees) first leaf of each tree
  const int32_t* points;        // (n_trees) quadrature points of each tree
  const int32_t* rules;         // (n_trees) where their weights w stand in the table `weights`
  const double* leaves;
  const uint32_t* sets;     // bit c of a set: category c goes left
  const double* shares;     // rows of (1 - t) z / f, padded with zeros to a multiple of eight
  const double* weights;    // rows of z / f^2, padded likewise
};

// One tree of them.
struct Tree {
  Tree(const Trees& trees, int tree)
      : nodes(trees.nodes + trees.roots[tree]),
        leaves(trees.leaves + trees.first_leaves[tree]),
        rule(trees.weights + trees.rules[tree]),
        n(trees.roots[tree + 1] - trees.roots[tree]),
        inner(trees.inner[tree]),
        points(trees.points[tree]) {}
  const Node* nodes;
  const double *leaves, *rule;
  int n, inner, points;
};

INLINE bool in_set(const Trees& trees, const Node& node, double value) {
  if (!(value > -1.0) || value >= 2147483648.0) return false;
  const int category = static_cast<int>(value);
  if (category / 32 >= node.words) return false;
  return (trees.sets[static_cast<int64_t>(node.threshold) + category / 32] >> (category % 32)) & 1;
}

INLINE bool is_zero(double value) { return (value <= kZero) & (value >= -kZero); }

// Plain splits, nearly all, without a branch: no predictor learns the nodes of a thousand trees.
INLINE int64_t goes_left(const Trees& trees, const Node& node, double value) {
  if (node.kind == kPlain) return (value <= node.threshold) | ((value != value) & node.absent_left);
  if (node.kind == kCategorical) return in_set(trees, node, value);
  return value != value || is_zero(value) ? node.absent_left : value <= node.threshold;
}

INLINE int64_t goes_second(const Trees& trees, const Node& node, double value) {
  return goes_left(trees, node, value) ^ node.left_is_first;
}

// Memory for vectors of any width.
struct Room {
  explicit Room(size_t n_doubles) : start(new (std::align_val_t(64)) double[n_doubles]), next(start) {}
  ~Room() { operator delete[](start, std::align_val_t(64)); }
  Room(const Room&) = delete;
  double* take(size_t n_doubles) {
    double* taken = next;
    next += n_doubles;
    return taken;
  }
  double *start, *next;
};

typedef void Run(const Trees& trees, const double* values, int64_t n_rows, double* margins, double* contributions);

namespace plain {
constexpr int kLanes = 2;
#include "quadrature.hpp"
}  // namespace plain

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
constexpr int kLanes = 4;
#include "quadrature.hpp"
}  // namespace avx2
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl")
namespace avx512 {
constexpr int kLanes = 8;
#include "quadrature.hpp"
}  // namespace avx512
#pragma GCC pop_options

// By PATHS of native.py; null where this machine cannot.
static Run* path_of(int path) {
  if (path == 0) return plain::run;
  if (path == 1 && __builtin_cpu_supports("avx2")) return avx2::run;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
  return path == 2 && wide ? avx512::run : nullptr;
}
#else
static Run* path_of(int path) { return path == 0 ? plain::run : nullptr; }
#endif

// Whether this machine can take the path.
extern "C" int has_path(int path) { return path_of(path) != nullptr; }

// values (n_rows, n_features), margins (n_rows), contributions (n_rows, n_features): C order, the last two written.
extern "C" void contributions(int path, const Trees* trees, const double* values, int64_t n_rows, double* margins,
                              double* contributions) {
  path_of(path)(*trees, values, n_rows, margins, contributions);
}
