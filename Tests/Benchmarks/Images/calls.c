// Calls, returns and branches: recursion, calls through tables, jump tables, unpredictable tests.
#include "support.h"

const char mix_name[] = "calls";

__attribute__((noinline)) static uint64_t fibonacci(unsigned n) {
  uint64_t before = n < 2 ? 0 : fibonacci(n - 1);
  return n < 2 ? n : before + fibonacci(n - 2);
}

__attribute__((noinline)) static unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0)
    return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

typedef uint64_t operation(uint64_t a, uint64_t b);
static uint64_t op_add(uint64_t a, uint64_t b) { return a + b; }
static uint64_t op_subtract(uint64_t a, uint64_t b) { return a - b; }
static uint64_t op_xor(uint64_t a, uint64_t b) { return a ^ b; }
static uint64_t op_multiply(uint64_t a, uint64_t b) { return a * (b | 1); }
static uint64_t op_rotate(uint64_t a, uint64_t b) { return a << (b & 31) | a >> (63 - (b & 31)); }
static uint64_t op_larger(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t op_swap(uint64_t a, uint64_t b) { return __builtin_bswap64(a) + b; }
static uint64_t op_and(uint64_t a, uint64_t b) { return (a & b) + 1; }

static operation *volatile operations[8] = {
    op_add, op_subtract, op_xor, op_multiply, op_rotate, op_larger, op_swap, op_and,
};

/// Indirect calls, the target chosen at random.
static uint64_t call_through_table(uint64_t *seed) {
  uint64_t value = 1;
  for (int i = 0; i < 20000; i++) {
    uint64_t r = next_random(seed);
    value = operations[r & 7](value, r);
  }
  return value;
}

/// A bytecode interpreter: one indirect jump for each of its instructions.
static uint64_t interpret(uint64_t *seed) {
  static uint8_t program[256];
  for (int i = 0; i < 256; i++)
    program[i] = (uint8_t)(next_random(seed) % 10);
  uint64_t a = *seed, b = 1, counter = 0;
  for (unsigned pc = 0, steps = 0; steps < 40000; steps++) {
    switch (program[pc++ & 255]) {
    case 0: a += b; break;
    case 1: b ^= a; break;
    case 2: a = a << 3 | a >> 61; break;
    case 3: b += 0x1234567; break;
    case 4: if (a & 1) pc += 3; break;
    case 5: counter++; break;
    case 6: a -= counter; break;
    case 7: if (b < a) pc += 5; break;
    case 8: b = b * 5 + 1; break;
    default: a ^= a >> 11; break;
    }
  }
  return a ^ b ^ counter;
}

/// A chain of functions that do little but call and return.
#define LINK(name, next)                                                                           \
  __attribute__((noinline)) static uint64_t name(uint64_t x) { return next(x + 1) ^ 5; }
__attribute__((noinline)) static uint64_t link0(uint64_t x) { return x * 3; }
LINK(link1, link0)
LINK(link2, link1)
LINK(link3, link2)
LINK(link4, link3)
LINK(link5, link4)
LINK(link6, link5)
LINK(link7, link6)

static uint64_t call_and_return(void) {
  uint64_t x = 0;
  for (int i = 0; i < 6000; i++)
    x = link7(x) + link3(x);
  return x;
}

/// A binary search tree, filled and walked by recursion: data-dependent branches.
struct node {
  uint32_t key;
  struct node *left, *right;
};
static struct node nodes[2048];

__attribute__((noinline)) static struct node *insert(struct node *tree, struct node *leaf) {
  if (!tree)
    return leaf;
  if (leaf->key < tree->key)
    tree->left = insert(tree->left, leaf);
  else
    tree->right = insert(tree->right, leaf);
  return tree;
}

__attribute__((noinline)) static uint64_t walk(const struct node *tree, unsigned depth) {
  if (!tree)
    return depth;
  return mixed(walk(tree->left, depth + 1), tree->key) + walk(tree->right, depth + 1);
}

static uint64_t search_tree(uint64_t *seed) {
  struct node *tree = 0;
  for (int i = 0; i < 2048; i++) {
    nodes[i] = (struct node){.key = (uint32_t)next_random(seed)};
    tree = insert(tree, &nodes[i]);
  }
  return walk(tree, 0);
}

uint64_t mix_run(void) {
  uint64_t checksum = 0, seed = 0x9e3779b97f4a7c15;
  for (int i = 0; i < REPEAT; i++) {
    checksum = mixed(checksum, fibonacci(21));
    checksum = mixed(checksum, ackermann(2, 120));
    checksum = mixed(checksum, call_through_table(&seed));
    checksum = mixed(checksum, interpret(&seed));
    checksum = mixed(checksum, call_and_return());
    checksum = mixed(checksum, search_tree(&seed));
  }
  return checksum;
}
