/* SPDX-License-Identifier: MIT */
/*
 * What the test programs of the x86 system features stand on: flat segments for CPL 0 and 3, a TSS, an
 * IDT whose entries record every event, guarded calls, checks that print name, value and expectation.
 * Expected values come from the Intel SDM vol. 3 and the instruction pages of vol. 2.
 */
#define GDT_ENTRIES 64
#define KCS 0x08
#define KDS 0x10
#ifdef __x86_64__
#define UCS32 0x1b
#define UDS 0x23
#define UCS 0x2b
#define TSS_SEL 0x30
#define KCS32 0x40
#define FREE_SLOT 9 /* first descriptor a test may use */
#else
#define UCS 0x1b
#define UDS 0x23
#define TSS_SEL 0x28
#define FREE_SLOT 6
#endif

#ifndef ASM
/* Register names of the program's width, for assembly text. */
#ifdef __x86_64__
#define AX "rax"
#define SP "rsp"
#else
#define AX "eax"
#define SP "esp"
#endif
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long ul; /* register size */

enum { DE = 0, DB = 1, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, SS = 12, GP = 13, PF = 14, MF = 16, AC = 17,
       XM = 19, EXIT = 0x80, NONE = -1 };
enum { FL_CF = 1, FL_TF = 0x100, FL_IF = 0x200, FL_DF = 0x400, FL_NT = 0x4000, FL_RF = 0x10000, FL_VM = 0x20000, FL_AC = 0x40000,
       FL_VIF = 0x80000, FL_VIP = 0x100000, FL_ID = 0x200000 };

/* The last event. sp and ss are the interrupted ones also when no stack switch happened. */
typedef struct Record {
    int vector, count;
    ul error, ip, cs, flags, sp, ss, cr2, dr6;
    ul ax, bx, cx, dx, si, di, bp;
    ul frame;        /* address of the pushed IP */
    ul handler_cs, handler_flags;
} Record;
extern volatile Record ex;

/* Stack in an event entry; the last fields are there after a stack switch (64-bit: always), the v8086 ones then. */
typedef struct Frame {
#ifdef __x86_64__
    ul r15, r14, r13, r12, r11, r10, r9, r8, di, si, bp, bx, dx, cx, ax, vector, error, ip, cs, flags, sp, ss;
#else
    ul gs, fs, es, ds, di, si, bp, sp_, bx, dx, cx, ax, vector, error, ip, cs, flags, sp, ss, v_es, v_ds, v_fs, v_gs;
#endif
} Frame;

/* Called at each event when set; true resumes the interrupted code with the frame as it is now. */
extern int (*event_hook)(Frame *f);

int try0(const void *code, ul a, ul b);
int try3(const void *code, ul a, ul b);
void enter_frame(const u32 *frame);
extern ul user_flags;                 /* EFLAGS try3 starts with */
extern ul user_alias;                 /* added to the addresses of code and stack of try3 */
extern char user_exit[], trap_stack_top[], user_stack_top[], vector_entries[];

/* A routine in assembly that ends in a return; the text may define labels. */
#define CODE(name, text) extern const char name[]; asm(".text\n.globl " #name "\n" #name ":\n" text "\n ret\n")
#define LABEL(name) extern const char name[]
#define VAL(x) ((ul)(x))

void main(void);
extern unsigned failures;
void check(const char *name, ul got, ul want);
/* Checks vector, error code and IP (0 = any) of the last event. */
void check_fault(const char *name, int vector, ul error, const void *ip);
void print(const char *s);
void print_hex(u64 v);

extern u64 gdt[GDT_ENTRIES];
extern struct __attribute__((packed)) TablePointer { u16 limit; ul base; } idt_pointer;
extern u64 idt[512];
/* access: byte 5 of the descriptor (P, DPL, S, type); flags: G D L AVL (bits 3-0). */
u64 descriptor(u32 base, u32 limit, unsigned access, unsigned flags);
/* Gate of the lib's entry for vector, or of another handler. access: P, DPL, type. */
void set_gate(unsigned vector, unsigned selector, const void *handler, unsigned access, unsigned ist);

#ifdef __x86_64__
typedef struct __attribute__((packed)) Tss { u32 r0; u64 rsp[3]; u64 r1; u64 ist[7]; u64 r2; u16 r3, iomap; } Tss;
#else
typedef struct Tss {
    u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    u32 es, cs, ss, ds, fs, gs, ldt;
    u16 trap, iomap;
} Tss;
#endif
extern Tss tss;

static inline void outb(u16 port, u8 v) { asm volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) { u8 v; asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
#define REG_ACCESS(name) \
    static inline ul read_##name(void) { ul v; asm volatile("mov %%" #name ", %0" : "=r"(v) : : "memory"); return v; } \
    static inline void write_##name(ul v) { asm volatile("mov %0, %%" #name : : "r"(v) : "memory"); }
REG_ACCESS(cr0) REG_ACCESS(cr2) REG_ACCESS(cr3) REG_ACCESS(cr4)
REG_ACCESS(dr0) REG_ACCESS(dr1) REG_ACCESS(dr2) REG_ACCESS(dr3) REG_ACCESS(dr6) REG_ACCESS(dr7)
static inline u64 rdmsr(u32 n) { u32 lo, hi; asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n)); return lo | (u64)hi << 32; }
static inline void wrmsr(u32 n, u64 v) { asm volatile("wrmsr" : : "c"(n), "a"((u32)v), "d"((u32)(v >> 32)) : "memory"); }
static inline void cpuid(u32 leaf, u32 sub, u32 r[4])
{
    asm volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}
static inline ul read_flags(void) { ul v; asm volatile("pushf; pop %0" : "=r"(v)); return v; }
static inline void write_flags(ul v) { asm volatile("push %0; popf" : : "r"(v) : "cc", "memory"); }
static inline void invlpg(const volatile void *p) { asm volatile("invlpg (%0)" : : "r"(p) : "memory"); }
static inline void lgdt_again(void) { asm volatile("lgdt gdt_pointer"); }
#endif
