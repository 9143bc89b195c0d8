/* SPDX-License-Identifier: MIT */
/*
 * Guest workloads that time the emulation, not the guest: each prints "BENCH name seconds".
 * Build static for the guest, put it in an initramfs, run as the first program, then power off:
 *   gcc -O2 -static bench.c -o bench-amd64 -lm
 *   i686-linux-gnu-gcc -O2 -static -march=i686 bench.c -o bench-i386 -lm     (x87)
 *   arm-linux-gnueabihf-gcc -O2 -static bench.c -o bench-armhf -lm
 *   aarch64-linux-gnu-gcc -O2 -static bench.c -o bench-arm64 -lm
 * Run the same file natively where the host can, and under the peer, in the same session of work.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}
static volatile uint64_t sink;
static void b_int(long n) {
    uint32_t x = 1, y = 7;
    for (long i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        y ^= x >> 3;
        if (y & 1)
            y = (y >> 1) ^ 0xEDB88320u;
        else
            y >>= 1;
        x += y;
    }
    sink = x;
}
static uint32_t arr[1 << 16];
static int cmp(const void *a, const void *b) {
    uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b;
    return x < y ? -1 : x > y;
}
static void b_sort(long n) {
    for (long k = 0; k < n; k++) {
        uint32_t s = k + 1;
        for (int i = 0; i < (1 << 14); i++) {
            s = s * 1103515245 + 12345;
            arr[i] = s;
        }
        qsort(arr, 1 << 14, 4, cmp);
        sink += arr[100];
    }
}
static void b_sieve(long n) {
    static unsigned char f[1 << 20];
    for (long k = 0; k < n; k++) {
        memset(f, 1, sizeof f);
        for (int i = 2; i * i < (1 << 20); i++)
            if (f[i])
                for (int j = i * i; j < (1 << 20); j += i)
                    f[j] = 0;
        sink += f[1009];
    }
}
static void b_fp(long n) {
    double x = 0.5, y = 0.25, z = 1.1;
    for (long i = 0; i < n; i++) {
        x = x * 0.99 + y * 0.01;
        y = y * 1.0001 - z * 0.0001;
        z = z + x * y - 1e-3 * z;
        if (z > 10)
            z = 1;
    }
    sink = (uint64_t)(x * 1e6 + y + z);
}
static double A[96][96], B[96][96], C[96][96];
static void b_matmul(long n) {
    for (long k = 0; k < n; k++) {
        for (int i = 0; i < 96; i++)
            for (int j = 0; j < 96; j++) {
                A[i][j] = i + j + k;
                B[i][j] = i - j;
            }
        for (int i = 0; i < 96; i++)
            for (int j = 0; j < 96; j++) {
                double s = 0;
                for (int l = 0; l < 96; l++)
                    s += A[i][l] * B[l][j];
                C[i][j] = s;
            }
        sink += (uint64_t)C[3][4];
    }
}
static void b_trans(long n) {
    double s = 0;
    for (long i = 1; i < n; i++) {
        s += sin(i * 0.001) * exp(-(i % 100) * 0.01) + sqrt(i) + log(i);
    }
    sink = (uint64_t)s;
}
static char m1[1 << 20], m2[1 << 20];
static void b_memcpy(long n) {
    for (long i = 0; i < n; i++) {
        memcpy(m2, m1, sizeof m1);
        m1[i & 1023] = m2[5];
    }
    sink = m2[7];
}
typedef struct N {
    struct N *n;
    int v;
} N;
static void b_chase(long n) {
    static N nd[1 << 14];
    for (int i = 0; i < (1 << 14); i++) {
        nd[i].n = &nd[(i * 5 + 1) & ((1 << 14) - 1)];
        nd[i].v = i;
    }
    N *p = nd;
    uint64_t s = 0;
    for (long i = 0; i < n; i++) {
        s += p->v;
        p = p->n;
    }
    sink = s;
}
static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static void b_call(long n) {
    for (long i = 0; i < n; i++)
        sink += fib(20);
}
static int op0(int x) { return x + 1; }
static int op1(int x) { return x ^ 3; }
static int op2(int x) { return x * 5; }
static int op3(int x) { return x - 7; }
static void b_indirect(long n) {
    static int (*volatile t[4])(int) = {op0, op1, op2, op3};
    int x = 1;
    for (long i = 0; i < n; i++)
        x = t[(x ^ i) & 3](x);
    sink = x;
}
static void b_syscall(long n) {
    for (long i = 0; i < n; i++)
        sink += syscall(SYS_getppid);
}
static void b_pipe(long n) {
    int a[2], b[2];
    char c = 0;
    if (pipe(a) || pipe(b))
        return;
    if (!fork()) {
        for (long i = 0; i < n; i++) {
            if (read(a[0], &c, 1) != 1)
                _exit(1);
            if (write(b[1], &c, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    for (long i = 0; i < n; i++) {
        if (write(a[1], &c, 1) != 1)
            return;
        if (read(b[0], &c, 1) != 1)
            return;
    }
    wait(0);
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
}
static void b_fork(long n) {
    for (long i = 0; i < n; i++) {
        pid_t p = fork();
        if (!p)
            _exit(0);
        waitpid(p, 0, 0);
    }
}
static void b_fault(long n) {
    for (long i = 0; i < n; i++) {
        char *p = mmap(0, 1 << 20, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int j = 0; j < (1 << 20); j += 4096)
            p[j] = 1;
        munmap(p, 1 << 20);
    }
}
struct {
    const char *n;
    void (*f)(long);
    long c;
} T[] = {{"int", b_int, 30000000},
         {"sort", b_sort, 60},
         {"sieve", b_sieve, 25},
         {"call", b_call, 1500},
         {"indirect", b_indirect, 20000000},
         {"chase", b_chase, 50000000},
         {"fp", b_fp, 10000000},
         {"matmul", b_matmul, 20},
         {"trans", b_trans, 500000},
         {"memcpy", b_memcpy, 2000},
         {"syscall", b_syscall, 1000000},
         {"pipe", b_pipe, 20000},
         {"fork", b_fork, 500},
         {"fault", b_fault, 60}};
int main(int c, char **v) {
    for (unsigned i = 0; i < sizeof T / sizeof *T; i++) {
        if (c > 1 && strcmp(v[1], T[i].n))
            continue;
        double t = now();
        T[i].f(T[i].c);
        printf("BENCH %-10s %.3f\n", T[i].n, now() - t);
        fflush(stdout);
    }
    return 0;
}
