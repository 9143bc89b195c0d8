/* SPDX-License-Identifier: MIT */
/*
 * What LINPACK does: a dense system of equations in double precision, by LU decomposition with partial pivoting over
 * columns (axpy in the inner loop), then the solution and its residual. Arguments: order, rounds.
 * Prints sums and the residual with all their digits, so that another rounding shows.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static double *matrix, *copy, *rhs, *rhs_copy;
static int *pivot;

static void axpy(int n, double f, const double *x, double *y) {
    for (int i = 0; i < n; i++)
        y[i] += f * x[i];
}
static void fill(int n, uint32_t seed) {
    for (int i = 0; i < n; i++)
        rhs[i] = 0;
    for (int j = 0; j < n; j++)
        for (int i = 0; i < n; i++) {
            seed = seed * 1103515245 + 12345;
            double v = (double)(seed >> 8) / (1 << 24) - 0.5;
            matrix[j * n + i] = copy[j * n + i] = v;
            rhs[i] += v;
        }
    for (int i = 0; i < n; i++)
        rhs_copy[i] = rhs[i];
}
static int factor(int n) {
    for (int k = 0; k < n; k++) {
        double *column = matrix + k * n;
        int best = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(column[i]) > fabs(column[best]))
                best = i;
        pivot[k] = best;
        if (column[best] == 0)
            return 0;
        double t = column[best];
        column[best] = column[k];
        column[k] = t;
        for (int i = k + 1; i < n; i++)
            column[i] *= -1 / t;
        for (int j = k + 1; j < n; j++) {
            double *other = matrix + j * n;
            double f = other[best];
            other[best] = other[k];
            other[k] = f;
            axpy(n - k - 1, f, column + k + 1, other + k + 1);
        }
    }
    return 1;
}
static void solve(int n) {
    for (int k = 0; k < n; k++) {
        double t = rhs[pivot[k]];
        rhs[pivot[k]] = rhs[k];
        rhs[k] = t;
        axpy(n - k - 1, t, matrix + k * n + k + 1, rhs + k + 1);
    }
    for (int k = n - 1; k >= 0; k--) {
        rhs[k] /= matrix[k * n + k];
        axpy(k, -rhs[k], matrix + k * n, rhs);
    }
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 100, rounds = argc > 2 ? atoi(argv[2]) : 1;
    if (n < 1 || n > 4000)
        return 1;
    size_t cells = (size_t)n * n;
    matrix = malloc(cells * sizeof *matrix), copy = malloc(cells * sizeof *copy);
    rhs = malloc(n * sizeof *rhs), rhs_copy = malloc(n * sizeof *rhs_copy), pivot = malloc(n * sizeof *pivot);
    if (!matrix || !copy || !rhs || !rhs_copy || !pivot)
        return 1;
    for (int r = 0; r < rounds; r++) {
        fill(n, 1325 + r);
        if (!factor(n))
            return 1;
        solve(n);
        double sum = 0, residual = 0;
        for (int i = 0; i < n; i++)
            sum += rhs[i];
        for (int j = 0; j < n; j++)
            axpy(n, -rhs[j], copy + j * n, rhs_copy);
        for (int i = 0; i < n; i++)
            residual = fmax(residual, fabs(rhs_copy[i]));
        printf("%.17g %.17g\n", sum, residual);
    }
    return 0;
}
