// The arithmetic of trees.cpp, which includes this file once for each instruction set, in vectors of kLanes numbers.

typedef double Two __attribute__((vector_size(16)));
typedef double Four __attribute__((vector_size(32)));
typedef double Lanes __attribute__((vector_size(8 * kLanes)));
typedef int64_t Mask __attribute__((vector_size(8 * kLanes)));

// A single row's vectors: at least as wide as a sum.
constexpr int kWide = kLanes > 4 ? kLanes : 4;
typedef double Wide __attribute__((vector_size(8 * kWide)));

template <class V>
INLINE V load(const double* from) { return *reinterpret_cast<const V*>(from); }
template <class V>
INLINE void store(double* to, V value) { *reinterpret_cast<V*>(to) = value; }
template <class V>
INLINE V all(double value) { return value - V{}; }

// Of a sum's numbers those that stand four apart come first, whatever the width of the vectors.
INLINE Four fold(Four sum, Four term) { return sum + term; }
template <class V>
INLINE Four fold(Four sum, V term) {
  return sum + Four{term[0], term[1], term[2], term[3]} + Four{term[4], term[5], term[6], term[7]};
}
template <class V>
INLINE V across(const V (&sums)[4]) { return (sums[0] + sums[2]) + (sums[1] + sums[3]); }
INLINE double across(Four sums) {
  const Two pair = Two{sums[0], sums[1]} + Two{sums[2], sums[3]};
  return pair[0] + pair[1];
}

// The share of a node's weight that goes to a child, constant + slope (1 - t) z / f.
struct Share {
  double constant, slope;
};

// Where the rows in lanes go at a node; `alive` is set only of a node whose feature was asked for above, `repeated`.
struct Turn {
  Mask first, alive;
  bool repeated;
};

// Room for one tree, by places of nodes and leaves, and for a block of rows.
struct Workspace {
  explicit Workspace(const Trees& trees) : room(size(trees)) {
    const size_t places = 2 * static_cast<size_t>(trees.max_nodes) + 1;
    weights = room.take(places * kMaxPoints * kLanes);
    turns = reinterpret_cast<Turn*>(room.take(places * 3 * kLanes));
    leaves = room.take(places * kLanes);
    x = room.take(static_cast<size_t>(trees.n_features) * kBlock);
    phi = room.take(static_cast<size_t>(trees.n_features) * kBlock);
    entries = room.take(places * 2 * kMaxPoints);
    second = reinterpret_cast<int64_t*>(room.take(places));
    dead = reinterpret_cast<int64_t*>(room.take(places));
    shares = reinterpret_cast<Share*>(room.take(places * 2));
  }
  static size_t size(const Trees& trees) {
    return (2 * static_cast<size_t>(trees.max_nodes) + 1) * ((kMaxPoints + 4) * kLanes + 2 * kMaxPoints + 4) +
           2 * static_cast<size_t>(trees.n_features) * kBlock;
  }
  Room room;
  double *weights, *entries, *leaves, *x, *phi;
  int64_t *second, *dead;
  Share* shares;
  Turn* turns;
};

// Where one row goes at each node of a tree, and what share of the weight follows it: {0, ratio} of the first child is
// {1, ratio - 1} for a row that goes there, and {ratio, 0} where the feature's presence changes nothing.
INLINE void decide(const Trees& trees, const Tree& tree, const double* x, const Workspace& w) {
  static const Two steps[2] = {{1.0, -1.0}, {0.0, 0.0}};
  const int n = tree.n;
  w.dead[n] = 0;  // what a node without an earlier split on its feature finds there
  w.second[n] = 0;
  for (int i = 0; i < n; i++) {
    const Node& node = tree.nodes[i];
    const int64_t second = goes_second(trees, node, x[node.feature]);
    const int64_t dead = w.dead[node.previous] | (w.second[node.previous] ^ node.previous_second);
    w.second[i] = second;
    w.dead[i] = dead;
    const double* from = node.zero_ratio_zero + dead;
    const Two share = Two{from[0], from[1]} + steps[second | dead];
    store(&w.shares[node.children[0]].constant, share);
    store(&w.shares[node.children[1]].constant, Two{1.0, 0.0} - share);
  }
}

// One row through one tree, quadrature points in lanes. A node's row of weights is P on the way down and R on the way up.
template <class V, int kParts>
INLINE double single(const Trees& trees, const Tree& tree, const double* x, double* phi, const Workspace& w) {
  constexpr int kPart = sizeof(V) / sizeof(double), kWidth = kParts * kPart;
  const int n = tree.n;
  decide(trees, tree, x, w);
  for (int leaf = 0; leaf <= n; leaf++) {
    w.leaves[n + leaf] = tree.leaves[leaf];
    for (int k = 0; k < kParts; k++) store(w.weights + kWidth * (n + leaf) + k * kPart, all<V>(tree.leaves[leaf]));
  }
  for (int k = 0; k < kParts; k++) store(w.weights + k * kPart, load<V>(tree.rule + k * kPart));
  for (int i = 1; i < n; i++) {
    const int parent = tree.nodes[i].parent;
    const double* shares = trees.shares + tree.nodes[parent].row;
    const V constant = all<V>(w.shares[i].constant), slope = all<V>(w.shares[i].slope);
    for (int k = 0; k < kParts; k++)
      store(w.weights + kWidth * i + k * kPart,
            load<V>(w.weights + kWidth * parent + k * kPart) * (constant + slope * load<V>(shares + k * kPart)));
  }
  for (int i = tree.inner; i < n; i++) {
    const Node& node = tree.nodes[i];
    const double second = w.leaves[node.children[1]], difference = w.leaves[node.children[0]] - second;
    const Share share = w.shares[node.children[0]];
    Four sum = {};
    for (int k = 0; k < kParts; k++) {
      double* weights = w.weights + kWidth * i + k * kPart;
      const V term = load<V>(weights) * load<V>(trees.weights + node.row + k * kPart);
      const V to_first = all<V>(share.constant) + all<V>(share.slope) * load<V>(trees.shares + node.row + k * kPart);
      sum = fold(sum, term);
      store(weights, all<V>(second) + to_first * all<V>(difference));
    }
    phi[node.feature] -= share.slope * (across(sum) * difference);
    w.leaves[i] = w.leaves[node.children[w.second[i]]];
  }
  for (int i = tree.inner - 1; i >= 0; i--) {
    const Node& node = tree.nodes[i];
    const Share share = w.shares[node.children[0]];
    Four sum = {};
    for (int k = 0; k < kParts; k++) {
      double* weights = w.weights + kWidth * i + k * kPart;
      const V second = load<V>(w.weights + kWidth * node.children[1] + k * kPart);
      const V difference = load<V>(w.weights + kWidth * node.children[0] + k * kPart) - second;
      const V term = load<V>(weights) * difference * load<V>(trees.weights + node.row + k * kPart);
      const V to_first = all<V>(share.constant) + all<V>(share.slope) * load<V>(trees.shares + node.row + k * kPart);
      sum = fold(sum, term);
      store(weights, second + to_first * difference);
    }
    phi[node.feature] -= share.slope * across(sum);
    w.leaves[i] = w.leaves[node.children[w.second[i]]];
  }
  return w.leaves[0];
}

INLINE Mask go_first(const Trees& trees, const Node& node, Lanes value) {
  if (node.kind == kPlain) {
    const int64_t absent = -static_cast<int64_t>(node.absent_left), right = -static_cast<int64_t>(!node.left_is_first);
    return ((value <= all<Lanes>(node.threshold)) | ((value != value) & absent)) ^ right;
  }
  Mask first;
  for (int lane = 0; lane < kLanes; lane++) first[lane] = goes_second(trees, node, value[lane]) - 1;
  return first;
}

INLINE void decide_side_by_side(const Trees& trees, const Tree& tree, const double* x, const Workspace& w) {
  for (int i = 0; i < tree.n; i++) {
    const Node& node = tree.nodes[i];
    Turn& turn = w.turns[i];
    turn.first = go_first(trees, node, load<Lanes>(x + node.feature * kLanes));
    turn.repeated = node.previous < tree.n;
    if (!turn.repeated) continue;
    const Turn& before = w.turns[node.previous];
    turn.alive = node.previous_second ? ~before.first : before.first;
    if (before.repeated) turn.alive &= before.alive;
  }
}

// What holds for every row: by a child's place the shares that enter it, of rows that go first at its parent, then of
// those that go second; by the first of two leaves R of their parent instead.
template <int kPadded>
INLINE void prepare(const Trees& trees, const Tree& tree, const Workspace& w) {
  for (int leaf = 0; leaf <= tree.n; leaf++) store(w.leaves + (tree.n + leaf) * kLanes, all<Lanes>(tree.leaves[leaf]));
  for (int i = 0; i < tree.n; i++) {
    const Node& node = tree.nodes[i];
    double* to_first = w.entries + 2 * kPadded * node.children[0];
    double* to_second = w.entries + 2 * kPadded * node.children[1];
    for (int q = 0; q < kPadded; q += kLanes) {
      const Lanes share = load<Lanes>(trees.shares + node.row + q);
      const Lanes hot = 1.0 + (node.zero_ratio_zero[1] - 1.0) * share, cold = node.zero_ratio_zero[1] * share;
      store(to_second + q, (1.0 - node.zero_ratio_zero[1]) * share);
      store(to_second + kPadded + q, 1.0 - cold);
      if (i < tree.inner) {
        store(to_first + q, hot);
        store(to_first + kPadded + q, cold);
      } else {
        const double second = tree.leaves[node.children[1] - tree.n], difference = tree.leaves[node.children[0] - tree.n] - second;
        store(to_first + q, second + hot * difference);
        store(to_first + kPadded + q, second + cold * difference);
      }
    }
  }
}

// One of two numbers for each row, a third one where the turn changes nothing.
template <int kPadded, bool kRepeated>
INLINE Lanes pick(const double* numbers, int q, const Turn& turn, double otherwise) {
  const Lanes either = turn.first ? all<Lanes>(numbers[q]) : all<Lanes>(numbers[kPadded + q]);
  return kRepeated ? (turn.alive ? either : all<Lanes>(otherwise)) : either;
}

// Many rows through one tree, rows in lanes. A node's rows of weights are P on the way down and R on the way up.
template <int kPoints>
struct SideBySide {
  static constexpr int kPadded = (kPoints + 7) / 8 * 8, kWidth = kPoints * kLanes;
  const Trees& trees;
  const Tree& tree;
  double* phi;
  const Workspace& w;

  INLINE const double* entry(int place) const { return w.entries + 2 * kPadded * place; }

  template <bool kRepeated>
  INLINE void enter(int i, const Node& parent) const {
    const Turn turn = w.turns[tree.nodes[i].parent];
    const double dead = parent.children[0] == i ? parent.zero_ratio_zero[1] : 1.0 - parent.zero_ratio_zero[1];
    const double* above = w.weights + kWidth * tree.nodes[i].parent;
    for (int q = 0; q < kPoints; q++)
      store(w.weights + kWidth * i + q * kLanes,
            load<Lanes>(above + q * kLanes) * pick<kPadded, kRepeated>(entry(i), q, turn, dead));
  }

  template <bool kRepeated>
  INLINE void end(int i, const Node& node) const {
    const Turn turn = w.turns[i];
    const double second = tree.leaves[node.children[1] - tree.n], difference = tree.leaves[node.children[0] - tree.n] - second;
    const double dead = second + node.zero_ratio_zero[1] * difference;
    Lanes sums[4] = {};
    for (int q = 0; q < kPoints; q++) {
      double* weights = w.weights + kWidth * i + q * kLanes;
      Lanes term = load<Lanes>(weights);
      if (kRepeated) term *= all<Lanes>(trees.weights[node.row + q]);
      sums[q % 4] = q < 4 ? term : sums[q % 4] + term;
      store(weights, pick<kPadded, kRepeated>(entry(node.children[0]), q, turn, dead));
    }
    add<kRepeated>(node, turn, across(sums) * difference);
    reach(i, node, turn);
  }

  template <bool kRepeated>
  INLINE void rise(int i, const Node& node) const {
    const Turn turn = w.turns[i];
    const bool leaf = node.children[1] >= tree.n;
    const double* from_first = w.weights + kWidth * node.children[0];
    const double* from_second = leaf ? w.leaves + node.children[1] * kLanes : w.weights + kWidth * node.children[1];
    const int64_t step = leaf ? 0 : kLanes;
    Lanes sums[4] = {};
    for (int q = 0; q < kPoints; q++) {
      double* weights = w.weights + kWidth * i + q * kLanes;
      const Lanes second = load<Lanes>(from_second + q * step);
      const Lanes difference = load<Lanes>(from_first + q * kLanes) - second;
      Lanes term = load<Lanes>(weights) * difference;
      if (kRepeated) term *= all<Lanes>(trees.weights[node.row + q]);
      sums[q % 4] = q < 4 ? term : sums[q % 4] + term;
      store(weights, second + pick<kPadded, kRepeated>(entry(node.children[0]), q, turn, node.zero_ratio_zero[1]) * difference);
    }
    add<kRepeated>(node, turn, across(sums));
    reach(i, node, turn);
  }

  INLINE void reach(int i, const Node& node, const Turn& turn) const {
    const Lanes first = load<Lanes>(w.leaves + node.children[0] * kLanes);
    store(w.leaves + i * kLanes, turn.first ? first : load<Lanes>(w.leaves + node.children[1] * kLanes));
  }

  template <bool kRepeated>
  INLINE void add(const Node& node, const Turn& turn, Lanes sum) const {
    Lanes slope = turn.first ? all<Lanes>(node.zero_ratio_zero[1] - 1.0) : all<Lanes>(node.zero_ratio_zero[1]);
    if (kRepeated) slope = turn.alive ? slope : Lanes{};
    double* to = phi + node.feature * kLanes;
    store(to, load<Lanes>(to) - slope * sum);
  }

  INLINE Lanes operator()(const double* x) const {
    decide_side_by_side(trees, tree, x, w);
    for (int q = 0; q < kPoints; q++) store(w.weights + q * kLanes, all<Lanes>(tree.rule[q]));
    for (int i = 1; i < tree.n; i++) {
      const Node& parent = tree.nodes[tree.nodes[i].parent];
      w.turns[tree.nodes[i].parent].repeated ? enter<true>(i, parent) : enter<false>(i, parent);
    }
    for (int i = tree.inner; i < tree.n; i++)
      w.turns[i].repeated ? end<true>(i, tree.nodes[i]) : end<false>(i, tree.nodes[i]);
    for (int i = tree.inner - 1; i >= 0; i--)
      w.turns[i].repeated ? rise<true>(i, tree.nodes[i]) : rise<false>(i, tree.nodes[i]);
    return load<Lanes>(w.leaves);
  }
};

template <int kPoints>
INLINE void groups(const Trees& trees, const Tree& tree, int n_groups, Lanes* margins, const Workspace& w) {
  prepare<(kPoints + 7) / 8 * 8>(trees, tree, w);
  for (int group = 0; group < n_groups; group++) {
    const size_t start = static_cast<size_t>(group) * trees.n_features * kLanes;
    margins[group] += SideBySide<kPoints>{trees, tree, w.phi + start, w}(w.x + start);
  }
}

// Beyond eight points one of weight 0 evens out an odd number.
#define CASE(n) case n: return groups<n>(trees, tree, n_groups, margins, w)
INLINE void any_groups(const Trees& trees, const Tree& tree, int n_groups, Lanes* margins, const Workspace& w) {
  switch (tree.points <= 8 ? tree.points : tree.points + tree.points % 2) {
    CASE(1); CASE(2); CASE(3); CASE(4); CASE(5); CASE(6); CASE(7); CASE(8); CASE(10); CASE(12); CASE(14);
    default: return groups<16>(trees, tree, n_groups, margins, w);
  }
}
#undef CASE

INLINE double any_single(const Trees& trees, const Tree& tree, const double* x, double* phi, const Workspace& w) {
  if (tree.points <= 4) return single<Four, 1>(trees, tree, x, phi, w);
  if (tree.points <= 8) return single<Wide, 8 / kWide>(trees, tree, x, phi, w);
  return single<Wide, 16 / kWide>(trees, tree, x, phi, w);
}

INLINE double alone(const Trees& trees, const double* x, double* phi, const Workspace& w) {
  double margin = 0.0;
  for (int j = 0; j < trees.n_features; j++) phi[j] = 0.0;
  for (int t = 0; t < trees.n_trees; t++) {
    const Tree tree(trees, t);
    margin += tree.n == 0 ? tree.leaves[0] : any_single(trees, tree, x, phi, w);
  }
  return margin;
}

// A block of rows, the last one taken again and again to fill the lanes.
INLINE void together(const Trees& trees, const double* values, int n_rows, double* margins, double* contributions,
                     const Workspace& w) {
  const size_t f = trees.n_features;
  const int n_groups = (n_rows + kLanes - 1) / kLanes;
  Lanes sums[kBlock / kLanes] = {};
  for (int row = 0; row < n_groups * kLanes; row++) {
    const double* from = values + (row < n_rows ? row : n_rows - 1) * f;
    double* to = w.x + row / kLanes * f * kLanes + row % kLanes;
    for (size_t j = 0; j < f; j++) to[j * kLanes] = from[j];
  }
  for (size_t j = 0; j < n_groups * f; j++) store(w.phi + j * kLanes, Lanes{});
  for (int t = 0; t < trees.n_trees; t++) {
    const Tree tree(trees, t);
    if (tree.n == 0)
      for (int group = 0; group < n_groups; group++) sums[group] += tree.leaves[0];
    else
      any_groups(trees, tree, n_groups, sums, w);
  }
  for (int row = 0; row < n_rows; row++) {
    margins[row] = sums[row / kLanes][row % kLanes];
    const double* from = w.phi + row / kLanes * f * kLanes + row % kLanes;
    for (size_t j = 0; j < f; j++) contributions[row * f + j] = from[j * kLanes];
  }
}

static void run(const Trees& trees, const double* values, int64_t n_rows, double* margins, double* contributions) {
  const Workspace w(trees);
  const int64_t f = trees.n_features;
  for (int64_t row = 0; row < n_rows;) {
    const int64_t left = n_rows - row < kBlock ? n_rows - row : kBlock;
    // A few rows are through sooner one by one than in vectors mostly empty.
    const int64_t rows = left == 1 || left * 4 <= kLanes ? 1 : left;
    if (rows == 1)
      margins[row] = alone(trees, values + row * f, contributions + row * f, w);
    else
      together(trees, values + row * f, static_cast<int>(rows), margins + row, contributions + row * f, w);
    row += rows;
  }
}
