/* The calls of a training step, one after another, without Python between them.

   Compiled by compiler.py for one type: REAL is float or double. Every function makes the part of
   its operation that belongs to one of several threads; which thread makes a number never changes
   how it is made, so the results are the same bits for any number of threads.

   Nothing here may be compiled with -ffast-math: a network that diverges must say NaN. */

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef REAL real;
typedef int64_t integer;

enum { POINTERS = 8, NUMBERS = 16, FACTORS = 5 };

/* How an operation is divided between threads: in its own way, or by its first dimension or its
   rows, each thread having the same ones in all operations that are divided so. */
enum { OWN, BY_FIRST, BY_ROWS };

typedef struct {
    integer kind;
    integer by_what;
    integer waits; /* until all threads have made what comes before */
    void *at[POINTERS];
    integer n[NUMBERS];
    double by[FACTORS];
} operation;

static int failed; /* a label outside the classes */

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

static integer smaller(integer a, integer b) { return a < b ? a : b; }

/* The part of `count` things that a thread makes, in whole groups of `group`. */
static void share(integer count, integer group, int part, int parts, integer *from, integer *to) {
    integer groups = (count + group - 1) / group;
    *from = smaller(count, groups * part / parts * group);
    *to = smaller(count, groups * (part + 1) / parts * group);
}

/* ---- products -------------------------------------------------------------------------------- */

/* A block of ROWS x COLUMNS results stays in registers while the products are added up. */
#if defined(__AVX512F__)
#define BYTES 64
#define ROWS 12
enum { TALL = 5, BROAD = 4 };
#elif defined(__AVX__)
#define BYTES 32
#define ROWS 6
enum { TALL = 3, BROAD = 3 };
#else
#define BYTES 16
#define ROWS 6
enum { TALL = 3, BROAD = 3 };
#endif
#define WIDTH ((integer)(BYTES / sizeof(real)))
#define COLUMNS (2 * WIDTH)
enum {
    DEPTH = 256,    /* terms of an inner product at once: their panel fits into the first cache */
    MANY = 512,     /* terms, from which inner products are made without panels */
    NEAR = 100000,  /* their entries of the right factor that a core's second cache keeps */
    ROOM = 1 << 17, /* entries of all panels */
    MOST = 64       /* threads */
};
static real *rooms[MOST];

typedef real vector __attribute__((vector_size(BYTES)));
typedef real loose __attribute__((vector_size(BYTES), aligned(sizeof(real))));

typedef struct {
    const real *left, *panel;
    real *out;
    integer depth, left_row, left_column, out_row;
    int adds; /* to what is in `out` */
} block;

#define BLOCK(rows, wide)                                                                          \
    static void block_##rows##_##wide(const block *b) {                                            \
        vector sum[rows][wide];                                                                    \
        for (int i = 0; i < rows; i++)                                                             \
            for (int j = 0; j < wide; j++)                                                         \
                sum[i][j] = b->adds ? *(const loose *)(b->out + i * b->out_row + j * WIDTH)        \
                                    : (vector){0};                                                 \
        const real *left = b->left, *panel = b->panel;                                             \
        const integer row = b->left_row;                                                           \
        for (integer k = 0; k < b->depth; k++, left += b->left_column, panel += COLUMNS) {         \
            vector right[wide];                                                                    \
            for (int j = 0; j < wide; j++) right[j] = *(const vector *)(panel + j * WIDTH);        \
            for (int i = 0; i < rows; i++)                                                         \
                for (int j = 0; j < wide; j++) sum[i][j] += left[i * row] * right[j];              \
        }                                                                                          \
        for (int i = 0; i < rows; i++)                                                             \
            for (int j = 0; j < wide; j++)                                                         \
                *(loose *)(b->out + i * b->out_row + j * WIDTH) = sum[i][j];                       \
    }
#define BOTH(rows) BLOCK(rows, 1) BLOCK(rows, 2)
BOTH(1) BOTH(2) BOTH(3) BOTH(4) BOTH(5) BOTH(6)
#if ROWS > 6
BOTH(7) BOTH(8) BOTH(9) BOTH(10) BOTH(11) BOTH(12)
#endif

typedef void make_block(const block *);
#define PAIR(rows) {block_##rows##_1, block_##rows##_2}
static make_block *const BLOCKS[ROWS][2] = {
    PAIR(1), PAIR(2), PAIR(3), PAIR(4), PAIR(5), PAIR(6),
#if ROWS > 6
    PAIR(7), PAIR(8), PAIR(9), PAIR(10), PAIR(11), PAIR(12),
#endif
};

/* A square of 4 x 4 entries, turned. */
static inline void turn(const real *from, integer row, real *to, integer to_row) {
#if defined(__clang__) || __GNUC__ >= 12
    typedef real four __attribute__((vector_size(4 * sizeof(real)), aligned(sizeof(real))));
    const four a = *(const four *)from, b = *(const four *)(from + row);
    const four c = *(const four *)(from + 2 * row), d = *(const four *)(from + 3 * row);
    const four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const four cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(four *)(to + to_row) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(four *)(to + 2 * to_row) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
    *(four *)(to + 3 * to_row) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
#else
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) to[j * to_row + i] = from[i * row + j];
#endif
}

/* Columns of the right factor, side by side, with zeros up to COLUMNS. */
static void fill_panel(real *panel, const real *right, integer row, integer column, integer depth,
                       integer columns) {
    if (columns < COLUMNS) memset(panel, 0, (size_t)(depth * COLUMNS) * sizeof(real));
    if (column == 1 && columns == COLUMNS) {
        for (integer k = 0; k < depth; k++, panel += COLUMNS, right += row) {
            *(vector *)panel = *(const loose *)right;
            *(vector *)(panel + WIDTH) = *(const loose *)(right + WIDTH);
        }
        return;
    }
    const integer turned = row == 1 ? depth / 4 * 4 : 0, beside = columns / 4 * 4;
    for (integer k = 0; k < turned; k += 4)
        for (integer j = 0; j < beside; j += 4)
            turn(right + k + j * column, column, panel + k * COLUMNS + j, COLUMNS);
    for (integer k = 0; k < depth; k++)
        for (integer j = k < turned ? beside : 0; j < columns; j++)
            panel[k * COLUMNS + j] = right[k * row + j * column];
}

typedef struct {
    const real *left, *right;
    real *out;
    integer depth, left_row, left_column, right_row, right_column, out_row;
} factors;

/* Rows and columns of one product by blocks, from panels of the right factor. */
static void by_panels(const factors *f, integer first_row, integer end_row, integer first,
                      integer end, real *room) {
    real edge[ROWS * COLUMNS] __attribute__((aligned(BYTES)));
    for (integer from = 0; from < f->depth; from += DEPTH) {
        const integer depth = smaller(DEPTH, f->depth - from);
        const integer most = ROOM / (depth * COLUMNS) * COLUMNS; /* columns with room for panels */
        for (integer start = first; start < end; start += most) {
            const integer stop = smaller(end, start + most);
            const real *right = f->right + from * f->right_row;
            for (integer j = start; j < stop; j += COLUMNS)
                fill_panel(room + (j - start) * depth, right + j * f->right_column, f->right_row,
                           f->right_column, depth, smaller(COLUMNS, stop - j));
            integer blocks = (end_row - first_row + ROWS - 1) / ROWS, rows;
            for (integer i = first_row; i < end_row; i += rows, blocks--) {
                rows = (end_row - i + blocks - 1) / blocks; /* blocks of nearly the same size */
                for (integer j = start; j < stop; j += COLUMNS) {
                    const integer columns = smaller(COLUMNS, stop - j);
                    const int whole = columns == COLUMNS || columns == WIDTH;
                    real *place = f->out + i * f->out_row + j;
                    const block b = {.left = f->left + i * f->left_row + from * f->left_column,
                                     .panel = room + (j - start) * depth,
                                     .out = whole ? place : edge,
                                     .depth = depth,
                                     .left_row = f->left_row,
                                     .left_column = f->left_column,
                                     .out_row = whole ? f->out_row : COLUMNS,
                                     .adds = from > 0};
                    const size_t bytes = (size_t)columns * sizeof(real);
                    if (!whole && b.adds)
                        for (integer r = 0; r < rows; r++)
                            memcpy(edge + r * COLUMNS, place + r * f->out_row, bytes);
                    BLOCKS[rows - 1][columns > WIDTH](&b);
                    if (!whole)
                        for (integer r = 0; r < rows; r++)
                            memcpy(place + r * f->out_row, edge + r * COLUMNS, bytes);
                }
            }
        }
    }
}

/* The same where both factors' terms lie one after another and are many: nothing is moved. */
static void inner_products(const factors *f, integer first_row, integer end_row, integer first,
                           integer end) {
    const integer depth = f->depth, whole = depth / WIDTH * WIDTH;
    for (integer i = first_row; i < end_row; i += TALL)
        for (integer j = first; j < end; j += BROAD) {
            const real *left[TALL], *right[BROAD];
            vector sum[TALL][BROAD];
            for (int r = 0; r < TALL; r++) left[r] = f->left + smaller(i + r, end_row - 1) * f->left_row;
            for (int c = 0; c < BROAD; c++) right[c] = f->right + smaller(j + c, end - 1) * f->right_column;
            for (int r = 0; r < TALL; r++)
                for (int c = 0; c < BROAD; c++) sum[r][c] = (vector){0};
            for (integer k = 0; k < whole; k += WIDTH) {
                vector terms[BROAD];
                for (int c = 0; c < BROAD; c++) terms[c] = *(const loose *)(right[c] + k);
                for (int r = 0; r < TALL; r++) {
                    const vector own = *(const loose *)(left[r] + k);
                    for (int c = 0; c < BROAD; c++) sum[r][c] += own * terms[c];
                }
            }
            for (int r = 0; r < smaller(TALL, end_row - i); r++)
                for (int c = 0; c < smaller(BROAD, end - j); c++) {
                    real total = 0;
                    for (integer k = 0; k < WIDTH; k++) total += sum[r][c][k];
                    for (integer k = whole; k < depth; k++) total += left[r][k] * right[c][k];
                    f->out[(i + r) * f->out_row + j + c] = total;
                }
        }
}

/* For all rows with so many columns at once that a core's second cache keeps these. */
static void by_inner_products(const factors *f, integer first_row, integer end_row, integer first,
                              integer end) {
    integer columns = NEAR / f->depth / BROAD * BROAD;
    if (columns < BROAD) columns = BROAD;
    for (; first < end; first += columns)
        inner_products(f, first_row, end_row, first, smaller(end, first + columns));
}

/* at: left, right, out. n: batch, rows, columns, depth; then the strides of left (batch, row,
   column), of right (batch, row, column), of out (batch, row). */
static void product(const operation *o, int part, int parts) {
    const integer *n = o->n;
    integer first_row = 0, end_row = n[1], first = 0, end = n[2], start = 0, stop = n[0];
    if (o->by_what == BY_FIRST || (o->by_what == OWN && n[0] >= parts))
        share(n[0], 1, part, parts, &start, &stop);
    else if (o->by_what == BY_ROWS)
        share(n[1], 1, part, parts, &first_row, &end_row);
    else if (n[2] >= 4 * COLUMNS * parts)
        share(n[2], COLUMNS, part, parts, &first, &end);
    else
        share(n[1], TALL, part, parts, &first_row, &end_row);
    if (!rooms[part]) rooms[part] = aligned_alloc(BYTES, ROOM * sizeof(real));
    for (integer item = start; item < stop; item++) {
        const factors f = {(const real *)o->at[0] + item * n[4],
                           (const real *)o->at[1] + item * n[7],
                           (real *)o->at[2] + item * n[10],
                           n[3], n[5], n[6], n[8], n[9], n[11]};
        if (f.depth >= MANY && f.left_column == 1 && f.right_row == 1)
            by_inner_products(&f, first_row, end_row, first, end);
        else
            by_panels(&f, first_row, end_row, first, end, rooms[part]);
    }
}

/* ---- entry by entry -------------------------------------------------------------------------- */

/* exp of a number that is not positive, to about one unit in the last place; exp(NaN) is NaN. */
static inline real exp_of_negative(real x) {
    if (sizeof(real) == 8) return (real)exp((double)x);
    float value = (float)x < -87.0f ? -87.0f : (float)x;
    float shifted = value * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the rest is rounded away */
    uint32_t bits;
    memcpy(&bits, &shifted, 4);
    float whole = shifted - 12582912.0f, power;
    float rest = (value - whole * 0.693359375f) + whole * 2.12194440e-4f; /* log(2), in two parts */
    float series = 1.0f / 5040;
    series = series * rest + 1.0f / 720;
    series = series * rest + 1.0f / 120;
    series = series * rest + 1.0f / 24;
    series = series * rest + 1.0f / 6;
    series = series * rest + 0.5f;
    series = series * rest + 1.0f;
    series = series * rest + 1.0f;
    bits = (bits + 127) << 23;
    memcpy(&power, &bits, 4);
    return (real)(series * power);
}

enum { COPY, ADD, MULTIPLY, MULTIPLY_ADD, SCALE, ELU, ELU_BACKWARD };

#define EACH(value)                                                                                \
    INDEPENDENT for (integer i = 0; i < count; i++) {                                              \
        const real a = x[i], b = y[i], c = z[i];                                                   \
        (void)b, (void)c;                                                                          \
        out[i] = value;                                                                            \
    }                                                                                              \
    break;

static void entries(const operation *o, integer count, real *out, const real *x, const real *y,
                    const real *z) {
    const real p = (real)o->by[0], q = (real)o->by[1];
    switch (o->n[15]) {
    case COPY: EACH(a)
    case ADD: EACH(a + p * b)
    case MULTIPLY: EACH(a *b)
    case MULTIPLY_ADD: EACH(a + b * c)
    case SCALE: EACH(a *p)
    case ELU: EACH(a > 0 ? a * q : (exp_of_negative(a > 0 ? (real)0 : a) - 1) * (p * q))
    case ELU_BACKWARD: EACH(b > 0 ? a * q : a * (b + p * q)) /* a: gradient, b: the result */
    }
}

enum { PIECE = 256 }; /* entries at once, of operands that have to be brought side by side */

/* Entries of an operand, side by side: where they are, or copied. */
static const real *side_by_side(const real *x, integer step, integer count, real *piece) {
    if (step == 1) return x;
    for (integer i = 0; i < count; i++) piece[i] = x[i * step];
    return piece;
}

/* at: out, x, y, z. n: three sizes; strides of out, whose third is 1, from 3, of x from 5, of y from
   8, of z from 11; 15: what is computed. */
static void map(const operation *o, int part, int parts) {
    const integer *n = o->n, rows = n[0] * n[1];
    const int dense = n[7] == 1 && n[10] == 1 && n[13] == 1;
    integer first = 0, end = rows, from = 0, to = n[2];
    real pieces[3][PIECE];
    if (o->by_what == BY_FIRST) {
        share(n[0], 1, part, parts, &first, &end);
        first *= n[1], end *= n[1];
    } else if (rows >= 4 * parts)
        share(rows, 1, part, parts, &first, &end);
    else
        share(n[2], 64, part, parts, &from, &to);
    if (dense && rows == n[0] && n[3] == n[2] && n[5] == n[2] && n[8] == n[2] && n[11] == n[2] &&
        to - from == n[2]) { /* rows that follow one another are one */
        from = first * n[2], to = end * n[2];
        first = 0, end = from < to;
    }
    const integer most = dense ? to - from : PIECE;
    for (integer row = first; row < end; row++) {
        const integer i = row / n[1], j = row % n[1];
        real *out = (real *)o->at[0] + i * n[3] + j * n[4];
        const real *x = (const real *)o->at[1] + i * n[5] + j * n[6];
        const real *y = (const real *)o->at[2] + i * n[8] + j * n[9];
        const real *z = (const real *)o->at[3] + i * n[11] + j * n[12];
        for (integer k = from; k < to; k += most) {
            const integer count = smaller(most, to - k);
            entries(o, count, out + k, side_by_side(x + k * n[7], n[7], count, pieces[0]),
                    side_by_side(y + k * n[10], n[10], count, pieces[1]),
                    side_by_side(z + k * n[13], n[13], count, pieces[2]));
        }
    }
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* at: out, x. n: batch, rows, columns, strides of x (batch, row) and of out (batch). */
static void sum_of_rows(const operation *o, int part, int parts) {
    const integer *n = o->n;
    integer first = 0, end = n[0], from = 0, to = n[2];
    if (o->by_what == BY_FIRST)
        share(n[0], 1, part, parts, &first, &end);
    else
        share(n[2], 64, part, parts, &from, &to);
    for (integer i = first; i < end; i++) {
        real *out = (real *)o->at[0] + i * n[5];
        const real *x = (const real *)o->at[1] + i * n[3];
        for (integer j = from; j < to; j++) out[j] = 0;
        for (integer r = 0; r < n[1]; r++, x += n[4])
            INDEPENDENT for (integer j = from; j < to; j++) out[j] += x[j];
    }
}

/* ---- batch normalisation --------------------------------------------------------------------- */

enum { CHANNELS = 256, GROUP = 16 }; /* at once; and of which a thread has whole groups */

/* at: x, out, scale, shift, running mean, running variance, mean, inverse deviation; scale and
   shift may be null. n: rows, channels, stride of a row of x and of out, channels that stay
   together. by: momentum, epsilon. */
static void normalise(const operation *o, int part, int parts) {
    const integer rows = o->n[0], x_row = o->n[2], out_row = o->n[3];
    const real *scale = o->at[2], *shift = o->at[3], momentum = (real)o->by[0];
    real *running_mean = o->at[4], *running_variance = o->at[5], *mean = o->at[6], *over = o->at[7];
    integer first, end;
    share(o->n[1], o->n[4], part, parts, &first, &end);
    for (integer from = first; from < end; from += CHANNELS) {
        const integer count = smaller(CHANNELS, end - from);
        const real *x = (const real *)o->at[0] + from;
        real *out = (real *)o->at[1] + from;
        real sum[CHANNELS] = {0}, square[CHANNELS] = {0}, factor[CHANNELS], offset[CHANNELS];
        for (integer r = 0; r < rows; r++)
            INDEPENDENT for (integer j = 0; j < count; j++) sum[j] += x[r * x_row + j];
        for (integer j = 0; j < count; j++) sum[j] /= (real)rows;
        for (integer r = 0; r < rows; r++)
            INDEPENDENT for (integer j = 0; j < count; j++) {
                const real d = x[r * x_row + j] - sum[j];
                square[j] += d * d;
            }
        for (integer j = 0; j < count; j++) {
            const real variance = square[j] / (real)rows;
            const real inverse = 1 / (real)sqrt((double)(variance + (real)o->by[1]));
            mean[from + j] = sum[j];
            over[from + j] = inverse;
            factor[j] = scale ? inverse * scale[from + j] : inverse;
            offset[j] = shift ? shift[from + j] : 0;
            running_mean[from + j] += momentum * (sum[j] - running_mean[from + j]);
            running_variance[from + j] +=
                momentum * (square[j] / (real)(rows - 1) - running_variance[from + j]);
        }
        for (integer r = 0; r < rows; r++)
            INDEPENDENT for (integer j = 0; j < count; j++)
                out[r * out_row + j] = (x[r * x_row + j] - sum[j]) * factor[j] + offset[j];
    }
}

/* at: gradient, x, scale, mean, inverse deviation, and the gradients of x, scale and shift.
   n: rows, channels, stride of a row of gradient, x and x's gradient, channels that stay together. */
static void normalise_backward(const operation *o, int part, int parts) {
    const integer rows = o->n[0], g_row = o->n[2], x_row = o->n[3], out_row = o->n[4];
    const real *scale = o->at[2], *mean = o->at[3], *over = o->at[4];
    real *of_scale = o->at[6], *of_shift = o->at[7];
    integer first, end;
    share(o->n[1], o->n[5], part, parts, &first, &end);
    for (integer from = first; from < end; from += CHANNELS) {
        const integer count = smaller(CHANNELS, end - from);
        const real *g = (const real *)o->at[0] + from, *x = (const real *)o->at[1] + from;
        real *out = (real *)o->at[5] + from;
        real sum[CHANNELS] = {0}, dot[CHANNELS] = {0}, factor[CHANNELS], slope[CHANNELS];
        for (integer r = 0; r < rows; r++)
            INDEPENDENT for (integer j = 0; j < count; j++) {
                sum[j] += g[r * g_row + j];
                dot[j] += g[r * g_row + j] * (x[r * x_row + j] - mean[from + j]);
            }
        for (integer j = 0; j < count; j++) {
            const real inverse = over[from + j];
            of_shift[from + j] = sum[j];
            of_scale[from + j] = dot[j] * inverse;
            slope[j] = dot[j] * inverse * inverse / (real)rows;
            factor[j] = scale[from + j] * inverse;
            sum[j] /= (real)rows;
        }
        for (integer r = 0; r < rows; r++)
            INDEPENDENT for (integer j = 0; j < count; j++)
                out[r * out_row + j] =
                    (g[r * g_row + j] - sum[j] - (x[r * x_row + j] - mean[from + j]) * slope[j]) *
                    factor[j];
    }
}

/* Where a network's inputs are normalised, scaled and shifted, and multiplied by the first weights:
   from the gradient with respect to weights that meet the normalised inputs alone, those of the
   weights (in its place), the scale and the shift, in one pass over them.

   at: weights, their gradient, scale, shift, sums of the outputs' gradients, gradients of scale and
   shift. n: members, outputs, features; strides of both matrices (member, row), and of a member of
   the others. */
static void through_scale(const operation *o, int part, int parts) {
    const integer *n = o->n;
    integer start = 0, stop = n[0], first = 0, end = n[2];
    if (o->by_what == BY_FIRST)
        share(n[0], 1, part, parts, &start, &stop);
    else
        share(n[2], GROUP, part, parts, &first, &end);
    for (integer m = start; m < stop; m++)
        for (integer from = first; from < end; from += CHANNELS) {
            const integer count = smaller(CHANNELS, end - from);
            const real *weights = (const real *)o->at[0] + m * n[3] + from;
            real *gradients = (real *)o->at[1] + m * n[5] + from;
            const real *scale = (const real *)o->at[2] + m * n[7] + from;
            const real *shift = (const real *)o->at[3] + m * n[8] + from;
            const real *sums = (const real *)o->at[4] + m * n[9];
            real of_scale[CHANNELS] = {0}, of_shift[CHANNELS] = {0};
            for (integer r = 0; r < n[1]; r++) {
                const real *w = weights + r * n[4], sum = sums[r];
                real *g = gradients + r * n[6];
                INDEPENDENT for (integer j = 0; j < count; j++) {
                    of_scale[j] += w[j] * g[j];
                    of_shift[j] += w[j] * sum;
                    g[j] = g[j] * scale[j] + sum * shift[j];
                }
            }
            memcpy((real *)o->at[5] + m * n[10] + from, of_scale, (size_t)count * sizeof(real));
            memcpy((real *)o->at[6] + m * n[11] + from, of_shift, (size_t)count * sizeof(real));
        }
}

/* at: counters. n: how many. */
static void count(const operation *o, int part, int parts) {
    (void)parts;
    for (integer i = 0; part == 0 && i < o->n[0]; i++) ++((integer *)o->at[0])[i];
}

/* ---- loss ------------------------------------------------------------------------------------ */

/* at: logits, their gradient, labels, losses, totals (2, members), weights of the classes or null.
   n: members, batch, classes; strides of logits (member, image), gradient (member, image) and
   labels (member, image). by: what the gradients are multiplied by. */
static void cross_entropy(const operation *o, int part, int parts) {
    const integer *n = o->n, batch = n[1], classes = n[2];
    const real *weights = o->at[5];
    real *losses = o->at[3], *totals = o->at[4];
    integer first, end;
    share(n[0], 1, part, parts, &first, &end);
    for (integer m = first; m < end; m++) {
        const integer *labels = (const integer *)o->at[2] + m * n[7];
        double weight = (double)batch, loss = 0;
        integer right = 0;
        for (integer i = 0; i < batch; i++)
            if (labels[i * n[8]] < 0 || labels[i * n[8]] >= classes) {
                failed = 1;
                return;
            }
        if (weights) {
            weight = 0;
            for (integer i = 0; i < batch; i++) weight += (double)weights[labels[i * n[8]]];
        }
        for (integer i = 0; i < batch; i++) {
            const real *logit = (const real *)o->at[0] + m * n[3] + i * n[4];
            real *gradient = (real *)o->at[1] + m * n[5] + i * n[6];
            const integer label = labels[i * n[8]];
            const real own = (real)((weights ? (double)weights[label] : 1) / weight);
            integer largest = 0;
            real sum = 0;
            for (integer c = 1; c < classes; c++) /* the first of equal ones; NaN is above all */
                if (logit[c] > logit[largest] || (isnan(logit[c]) && !isnan(logit[largest])))
                    largest = c;
            const real top = logit[largest];
            for (integer c = 0; c < classes; c++) sum += gradient[c] = exp_of_negative(logit[c] - top);
            for (integer c = 0; c < classes; c++)
                gradient[c] = (gradient[c] / sum - (real)(c == label)) * own * (real)o->by[0];
            loss += (double)own * (log((double)sum) - (double)(logit[label] - top));
            right += largest == label;
        }
        losses[m] = (real)loss;
        totals[m] += losses[m] * (real)batch;
        totals[n[0] + m] += (real)right;
    }
}

/* ---- images ---------------------------------------------------------------------------------- */

/* at: out, images as bytes, scale, shift. n: members, batch, pixels, strides of out (member,
   image). */
static void load(const operation *o, int part, int parts) {
    const integer *n = o->n;
    const real *scale = o->at[2], *shift = o->at[3];
    integer first, end;
    share(n[0] * n[1], 1, part, parts, &first, &end);
    for (integer row = first; row < end; row++) {
        const uint8_t *image = (const uint8_t *)o->at[1] + row * n[2];
        real *out = (real *)o->at[0] + row / n[1] * n[3] + row % n[1] * n[4];
        INDEPENDENT for (integer i = 0; i < n[2]; i++)
            out[i] = shift[i] + (real)image[i] * scale[i];
    }
}

/* ---- optimiser ------------------------------------------------------------------------------- */

/* at: weights, gradients, averages, averages of squares, rates of the members (double).
   n: members, elements. by: beta1, beta2, factors of the gradient and of the average, epsilon. */
static void nadam(const operation *o, int part, int parts) {
    const integer elements = o->n[1];
    const double *rates = o->at[4];
    const real beta1 = (real)o->by[0], rest1 = (real)(1 - o->by[0]);
    const real beta2 = (real)o->by[1], rest2 = (real)(1 - o->by[1]), epsilon = (real)o->by[4];
    integer from, to;
    share(elements, 64, part, parts, &from, &to);
    for (integer m = 0; m < o->n[0]; m++) {
        real *weights = (real *)o->at[0] + m * elements;
        const real *gradients = (const real *)o->at[1] + m * elements;
        real *averages = (real *)o->at[2] + m * elements, *squares = (real *)o->at[3] + m * elements;
        const real a = (real)(o->by[2] * rates[m]), b = (real)(o->by[3] * rates[m]);
        INDEPENDENT for (integer i = from; i < to; i++) {
            const real g = gradients[i];
            const real average = beta1 * averages[i] + rest1 * g;
            const real square = beta2 * squares[i] + rest2 * g * g;
            const real root = sizeof(real) == 8 ? (real)sqrt(square) : (real)sqrtf((float)square);
            averages[i] = average;
            squares[i] = square;
            weights[i] -= (a * g + b * average) / (root + epsilon);
        }
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef void make(const operation *, int part, int parts);
static make *const KINDS[] = {product,       map,           sum_of_rows, normalise, normalise_backward,
                              through_scale, count,         cross_entropy, load,    nadam};

/* Looks at what another thread does, before another program may have the core. */
enum { SPINS = 2000 };

/* OpenMP's, of the runtime that PyTorch has loaded: threads of our own would wait for a core that
   PyTorch's have, which look for work for some milliseconds after each call. */
typedef void in_parallel(void (*part)(void *), void *data, unsigned threads, unsigned flags);
static in_parallel *parallel;
static int (*team_size)(void), (*own_number)(void);

typedef struct {
    const operation *operations;
    integer number;
} job;

static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER; /* of whoever has called */
static int arrived, phase, team;
static double waited; /* seconds, by the first thread for others in this job */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Wait until all threads have made their part. */
static void meet(int part, int parts) {
    const int before = __atomic_load_n(&phase, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == parts) {
        __atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&phase, before + 1, __ATOMIC_RELEASE);
        return;
    }
    const double began = part ? 0 : now();
    for (int looks = 0; __atomic_load_n(&phase, __ATOMIC_ACQUIRE) == before; looks++)
        if (looks >= SPINS)
            sched_yield();
#if defined(__x86_64__)
        else
            __builtin_ia32_pause();
#endif
    if (!part) waited += now() - began;
}

static void make_part(const job *all, int part, int parts) {
    for (integer i = 0; i < all->number; i++) {
        if (i > 0 && parts > 1 && all->operations[i].waits) meet(part, parts);
        KINDS[all->operations[i].kind](&all->operations[i], part, parts);
    }
    if (parts > 1) meet(part, parts);
}

static void make_own_part(void *all) {
    const int part = own_number(), parts = team_size();
    if (part == 0) team = parts;
    make_part(all, part, parts);
}

/* Where another program has a core for a while, all wait for the thread that had it: then one
   thread makes a job sooner, which needs for it as many times what a thread of the team works as
   there are. How long jobs of a team last and what of that is waiting, as moving averages. */
enum { RECENT = 16, SHORTEST = 16, LONGEST = 512, WELL = 64 };
static double lasting, waiting;
static integer alone, rest = SHORTEST, together; /* jobs to come, then, and since then */

/* From seconds of a job and of waiting in it: for how many jobs nobody else is asked. */
integer learn(double lasted, double waited_for, int parts) {
    lasting += (lasted - lasting) / RECENT;
    waiting += (waited_for - waiting) / RECENT;
    const double bearable = lasting * (parts - 1) / parts;
    if (waiting <= bearable) {
        if (++together >= WELL) rest = SHORTEST;
        return 0;
    }
    const integer pause = rest;
    rest = smaller(2 * rest, LONGEST);
    together = 0;
    waiting = 0.98 * bearable; /* the next one to be waited for says enough */
    return pause;
}

/* A process that was forked has none of the threads, and OpenMP would wait for them. */
static void forget(void) {
    parallel = NULL;
    pthread_mutex_init(&busy, NULL);
}

/* Have threads: the addresses of GOMP_parallel, omp_get_num_threads and omp_get_thread_num. */
void adopt(in_parallel *of_runtime, int (*size)(void), int (*number)(void)) {
    team_size = size;
    own_number = number;
    parallel = pthread_atfork(NULL, NULL, forget) ? NULL : of_runtime;
}

/* One thread's part of an operation, for tests of how operations are divided. */
void run_part(const operation *o, int part, int parts) { KINDS[o->kind](o, part, parts); }

/* Make operations one after another, by at most so many threads; returns 1 if a label was outside
   the classes. */
int run(const operation *operations, integer number, int threads) {
    pthread_mutex_lock(&busy);
    failed = 0;
    job all = {operations, number};
    if (!parallel || threads < 2 || (alone > 0 && alone--))
        make_part(&all, 0, 1);
    else {
        const double began = now();
        waited = 0;
        parallel(make_own_part, &all, (unsigned)smaller(threads, MOST), 0);
        alone = learn(now() - began, waited, team);
    }
    const int result = failed;
    pthread_mutex_unlock(&busy);
    return result;
}
