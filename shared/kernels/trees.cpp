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
//     P(hot) = P(node) (1 - mu), P(cold) = P(node) mu      weight of the path, downwards
//     contribution += z r_cold sum_q w_q P(node) / f^2 (R(hot) - R(cold))
// Once a split of the same feature further up sent the row elsewhere, the feature's presence changes nothing: the children
// then weigh r_left and r_right and nothing is added. The tables hold (1 - t) z / f and w z / f^2 for each node's z.
//
// Four rows go through a tree side by side; a single row goes with its quadrature points side by side. Both compute the
// same operations in the same order, so that they agree bit for bit (-ffp-contract=off keeps it so).

#include <cstdint>
#include <cstddef>
#include <memory>
#include <new>

#if defined(__x86_64__) && defined(__gnu_linux__)
#define VARIANTS __attribute__((target_clones("avx2", "default")))
#else
#define VARIANTS
#endif
#define INLINE static inline __attribute__((always_inline))

typedef double Lanes __attribute__((vector_size(32)));
typedef int64_t Mask __attribute__((vector_size(32)));

constexpr int kLanes = 4;
constexpr int kMaxPoints = 16;  // MAX_POINTS of layout.py
constexpr int kBlock = 64;  // rows that go through a tree while it is in the cache
constexpr double kZero = 1.0000000180025095e-35;  // LightGBM's kZeroThreshold, a float

enum Kind : uint8_t { kPlain = 0, kZeroes = 1, kCategorical = 2 };

// One split. Places count within the tree: nodes in preorder from 0, then the leaves.
struct Node {
  double threshold;   // a row goes left where its value is at most this; of a categorical split the first word of its set
  double left_ratio;  // share of the node's training rows that went left
  int32_t feature;
  int32_t left, right;
  int32_t previous;       // the last node above that splits on the same feature; the number of nodes if there is none
  int32_t previous_left;  // whether the path goes left there; 0 if there is none
  int32_t row;            // where the node's quadrature points stand in the tables
  int32_t words;          // of a categorical split the length of its set
  uint8_t kind;
  uint8_t absent_left;  // where a missing value goes (and zero, of kind kZeroes)
  uint8_t unused[2];
};

struct Trees {
  int32_t n_trees, n_features, max_nodes, unused;
  const Node* nodes;
  const int32_t* roots;         // (n_trees + 1) first node of each tree
  const int32_t* first_leaves;  // (n_trees) first leaf of each tree
  const int32_t* points;        // (n_trees) quadrature points of each tree
  const double* leaves;
  const uint32_t* sets;    // bit c of a set: category c goes left
  const double* shares;    // rows of (1 - t) z / f, padded with zeros to a multiple of four
  const double* weights;   // rows of w z / f^2, padded likewise
};

INLINE Lanes load(const double* from) { return *reinterpret_cast<const Lanes*>(from); }
INLINE void store(double* to, Lanes value) { *reinterpret_cast<Lanes*>(to) = value; }
INLINE Lanes all(double value) { return Lanes{value, value, value, value}; }
INLINE Mask load(const int64_t* from) { return *reinterpret_cast<const Mask*>(from); }
INLINE void store(int64_t* to, Mask value) { *reinterpret_cast<Mask*>(to) = value; }

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

INLINE Mask go_left(const Trees& trees, const Node& node, Lanes value) {
  if (node.kind != kPlain) {
    Mask left;
    for (int lane = 0; lane < kLanes; lane++) left[lane] = -goes_left(trees, node, value[lane]);
    return left;
  }
  const int64_t absent = -static_cast<int64_t>(node.absent_left);
  return (value <= all(node.threshold)) | ((value != value) & Mask{absent, absent, absent, absent});
}

// Room for one tree: per node and leaf a row of P and R, the two terms of the left child's share, and the row's state;
// and for a block of rows their values and contributions, (groups, n_features, 4).
struct Workspace {
  explicit Workspace(const Trees& trees) : room(new (std::align_val_t(64)) double[size(trees)]) {
    const size_t places = 2 * static_cast<size_t>(trees.max_nodes) + 1;
    const size_t rows = places * kMaxPoints * kLanes, terms = places * kLanes;
    p = room;
    r = p + rows;
    constant = r + rows;
    slope = constant + terms;
    reached = slope + terms;
    left = reinterpret_cast<int64_t*>(reached + terms);
    alive = left + terms;
    x = reinterpret_cast<double*>(alive + terms);
    phi = x + static_cast<size_t>(trees.n_features) * kBlock;
  }
  ~Workspace() { operator delete[](room, std::align_val_t(64)); }
  Workspace(const Workspace&) = delete;
  static size_t size(const Trees& trees) {
    return (2 * static_cast<size_t>(trees.max_nodes) + 1) * kLanes * (2 * kMaxPoints + 5) +
           2 * static_cast<size_t>(trees.n_features) * kBlock;
  }
  double* room;
  double *p, *r, *constant, *slope, *reached, *x, *phi;
  int64_t *left, *alive;
};

// One row through one tree, quadrature points in lanes: kGroups groups of four. P and R have rows for leaves, too, so that
// nothing branches on what a child is.
template <int kGroups>
INLINE double single(const Trees& trees, int tree, const double* x, double* phi, const Workspace& w) {
  const Node* nodes = trees.nodes + trees.roots[tree];
  const double* leaves = trees.leaves + trees.first_leaves[tree];
  const int n = trees.roots[tree + 1] - trees.roots[tree];
  constexpr int kWidth = kGroups * kLanes;
  for (int k = 0; k < kGroups; k++) store(w.p + k * kLanes, all(1.0));
  for (int leaf = 0; leaf <= n; leaf++) {
    for (int k = 0; k < kGroups; k++) store(w.r + kWidth * (n + leaf) + k * kLanes, all(leaves[leaf]));
    w.reached[n + leaf] = leaves[leaf];
  }
  // What a node without an earlier split on its feature finds there.
  w.alive[n] = 1;
  w.left[n] = 0;
  for (int i = 0; i < n; i++) {
    const Node& node = nodes[i];
    const int64_t left = goes_left(trees, node, x[node.feature]);
    const int64_t alive = w.alive[node.previous] & (w.left[node.previous] == node.previous_left);
    w.left[i] = left;
    w.alive[i] = alive;
    const double ratio = node.left_ratio;
    const double sides[2][2] = {{0.0, 1.0}, {ratio, ratio}}, changes[2][2] = {{ratio, -(1.0 - ratio)}, {0.0, 0.0}};
    const double constant = sides[!alive][left], slope = changes[!alive][left];
    w.constant[i] = constant;
    w.slope[i] = slope;
    const double* share = trees.shares + node.row;
    double* to_left = w.p + kWidth * node.left;
    double* to_right = w.p + kWidth * node.right;
    for (int k = 0; k < kGroups; k++) {
      const Lanes p = load(w.p + kWidth * i + k * kLanes);
      const Lanes part = p * (all(constant) + all(slope) * load(share + k * kLanes));
      store(to_left + k * kLanes, part);
      store(to_right + k * kLanes, p - part);
    }
  }
  for (int i = n - 1; i >= 0; i--) {
    const Node& node = nodes[i];
    const Lanes constant = all(w.constant[i]), slope = all(w.slope[i]);
    Lanes sum = all(0.0);
    for (int k = 0; k < kGroups; k++) {
      const Lanes b = load(w.r + kWidth * node.right + k * kLanes);
      const Lanes difference = load(w.r + kWidth * node.left + k * kLanes) - b;
      const Lanes share = load(trees.shares + node.row + k * kLanes);
      store(w.r + kWidth * i + k * kLanes, b + (constant + slope * share) * difference);
      const Lanes term = load(w.p + kWidth * i + k * kLanes) * load(trees.weights + node.row + k * kLanes) * difference;
      sum = k ? sum + term : term;
    }
    phi[node.feature] -= w.slope[i] * ((sum[0] + sum[2]) + (sum[1] + sum[3]));
    const int32_t children[2] = {node.right, node.left};
    w.reached[i] = w.reached[children[w.left[i]]];
  }
  return w.reached[0];
}

// Four rows in lanes through one tree of kPoints quadrature points; x and phi are (n_features, 4).
template <int kPoints>
INLINE Lanes side_by_side(const Trees& trees, int tree, const double* x, double* phi, const Workspace& w) {
  const Node* nodes = trees.nodes + trees.roots[tree];
  const double* leaves = trees.leaves + trees.first_leaves[tree];
  const int n = trees.roots[tree + 1] - trees.roots[tree];
  constexpr int kWidth = kPoints * kLanes;
  for (int q = 0; q < kPoints; q++) store(w.p + q * kLanes, all(1.0));
  for (int i = 0; i < n; i++) {
    const Node& node = nodes[i];
    const Mask left = go_left(trees, node, load(x + node.feature * kLanes));
    Mask alive = {-1, -1, -1, -1};
    if (node.previous < n) {
      const Mask before = load(w.left + node.previous * kLanes);
      alive = load(w.alive + node.previous * kLanes) & (node.previous_left ? before : ~before);
    }
    store(w.left + i * kLanes, left);
    store(w.alive + i * kLanes, alive);
    const double ratio = node.left_ratio;
    const Lanes constant = alive ? (left ? all(1.0) : all(0.0)) : all(ratio);
    const Lanes slope = alive ? (left ? all(-(1.0 - ratio)) : all(ratio)) : all(0.0);
    store(w.constant + i * kLanes, constant);
    store(w.slope + i * kLanes, slope);
    const double* share = trees.shares + node.row;
    double* to_left = w.p + kWidth * node.left;
    double* to_right = w.p + kWidth * node.right;
    for (int q = 0; q < kPoints; q++) {
      const Lanes p = load(w.p + kWidth * i + q * kLanes);
      const Lanes part = p * (constant + slope * all(share[q]));
      store(to_left + q * kLanes, part);
      store(to_right + q * kLanes, p - part);
    }
  }
  for (int i = n - 1; i >= 0; i--) {
    const Node& node = nodes[i];
    const bool left_is_node = node.left < n, right_is_node = node.right < n;
    const Lanes constant = load(w.constant + i * kLanes), slope = load(w.slope + i * kLanes);
    const Lanes leaf_left = all(left_is_node ? 0.0 : leaves[node.left - n]);
    const Lanes leaf_right = all(right_is_node ? 0.0 : leaves[node.right - n]);
    Lanes sums[kLanes] = {all(0.0), all(0.0), all(0.0), all(0.0)};
    for (int q = 0; q < kPoints; q++) {
      const Lanes b = right_is_node ? load(w.r + kWidth * node.right + q * kLanes) : leaf_right;
      const Lanes difference = (left_is_node ? load(w.r + kWidth * node.left + q * kLanes) : leaf_left) - b;
      store(w.r + kWidth * i + q * kLanes, b + (constant + slope * all(trees.shares[node.row + q])) * difference);
      const Lanes term = load(w.p + kWidth * i + q * kLanes) * all(trees.weights[node.row + q]) * difference;
      sums[q % kLanes] = q < kLanes ? term : sums[q % kLanes] + term;
    }
    double* sum = phi + node.feature * kLanes;
    store(sum, load(sum) - slope * ((sums[0] + sums[2]) + (sums[1] + sums[3])));
    const Lanes reached_left = left_is_node ? load(w.reached + node.left * kLanes) : leaf_left;
    const Lanes reached_right = right_is_node ? load(w.reached + node.right * kLanes) : leaf_right;
    store(w.reached + i * kLanes, load(w.left + i * kLanes) ? reached_left : reached_right);
  }
  return load(w.reached);
}

INLINE double any_single(const Trees& trees, int tree, const double* x, double* phi, const Workspace& w) {
  switch ((trees.points[tree] + kLanes - 1) / kLanes) {
    case 1: return single<1>(trees, tree, x, phi, w);
    case 2: return single<2>(trees, tree, x, phi, w);
    case 3: return single<3>(trees, tree, x, phi, w);
    default: return single<4>(trees, tree, x, phi, w);
  }
}

#define CASE(n) case n: return side_by_side<n>(trees, tree, x, phi, w)
INLINE Lanes any_side_by_side(const Trees& trees, int tree, const double* x, double* phi, const Workspace& w) {
  switch (trees.points[tree]) {
    CASE(1); CASE(2); CASE(3); CASE(4); CASE(5); CASE(6); CASE(7); CASE(8);
    CASE(9); CASE(10); CASE(11); CASE(12); CASE(13); CASE(14); CASE(15);
    default: return side_by_side<16>(trees, tree, x, phi, w);
  }
}

INLINE bool is_leaf(const Trees& trees, int tree) { return trees.roots[tree] == trees.roots[tree + 1]; }

INLINE double alone(const Trees& trees, const double* x, double* phi, const Workspace& w) {
  double margin = 0.0;
  for (int j = 0; j < trees.n_features; j++) phi[j] = 0.0;
  for (int tree = 0; tree < trees.n_trees; tree++)
    margin += is_leaf(trees, tree) ? trees.leaves[trees.first_leaves[tree]] : any_single(trees, tree, x, phi, w);
  return margin;
}

// A block of n_groups times four rows.
INLINE void together(const Trees& trees, const double* values, int n_groups, double* margins, double* contributions,
                     const Workspace& w) {
  const int f = trees.n_features;
  Lanes sums[kBlock / kLanes];
  for (int group = 0; group < n_groups; group++) {
    sums[group] = all(0.0);
    for (int j = 0; j < f; j++) {
      const double* x = values + group * kLanes * f + j;
      store(w.x + (group * f + j) * kLanes, Lanes{x[0], x[f], x[2 * f], x[3 * f]});
      store(w.phi + (group * f + j) * kLanes, all(0.0));
    }
  }
  for (int tree = 0; tree < trees.n_trees; tree++)
    for (int group = 0; group < n_groups; group++) {
      const int start = group * f * kLanes;
      sums[group] += is_leaf(trees, tree) ? all(trees.leaves[trees.first_leaves[tree]])
                                          : any_side_by_side(trees, tree, w.x + start, w.phi + start, w);
    }
  for (int row = 0; row < n_groups * kLanes; row++) {
    margins[row] = sums[row / kLanes][row % kLanes];
    for (int j = 0; j < f; j++)
      contributions[row * f + j] = w.phi[(row / kLanes * f + j) * kLanes + row % kLanes];
  }
}

// values (n_rows, n_features), margins (n_rows), contributions (n_rows, n_features): C order, the last two written.
extern "C" VARIANTS void contributions(const Trees* model, const double* values, int64_t n_rows, double* margins,
                                       double* contributions) {
  const Trees& trees = *model;
  const Workspace w(trees);
  const int64_t f = trees.n_features, in_groups = n_rows / kLanes * kLanes;
  for (int64_t row = 0; row < in_groups; row += kBlock) {
    const int64_t rows = in_groups - row < kBlock ? in_groups - row : kBlock;
    together(trees, values + row * f, static_cast<int>(rows / kLanes), margins + row, contributions + row * f, w);
  }
  for (int64_t row = in_groups; row < n_rows; row++)
    margins[row] = alone(trees, values + row * f, contributions + row * f, w);
}
