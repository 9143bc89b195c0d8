/* SPDX-License-Identifier: MIT */
/*
 * System management mode on the i440FX board: entry state, save area (32-bit processors: Intel SDM vol. 3, "System Management Mode"; with long mode:
 * AMD64 APM vol. 2, 10.2), SMBASE relocation, SMIs by port 0xb2 and by IPI, RSM to each mode, what is held back in SMM (SMI, NMI, INIT), HLT and its
 * restart, SMRAM that others do not see, and RSM with bad states, after each of which the machine starts anew: the number of the next is in the CMOS.
 */
#include "lib.h"

enum { LOW_STACK = 0x7000, LOW_IVT = 0x7800, AP_CODE = 0x8000, NEW_BASE = 0x60000, AP_BASE = 0x70000, SMRAM = 0xa0000 };
#define APIC 0xfee00000u
#ifdef __x86_64__
enum { REVISION = 0xfefc, SMBASE = 0xff00, S_CR0 = 0xff58, S_CR3 = 0xff50, S_CR4 = 0xff48, S_EFER = 0xfed0, S_FLAGS = 0xff70, S_IP = 0xff78,
       S_DR7 = 0xff60, S_AX = 0xfff8, S_CX = 0xfff0, S_DX = 0xffe8, S_BX = 0xffe0, S_SP = 0xffd8, S_BP = 0xffd0, S_SI = 0xffc8, S_DI = 0xffc0,
       S_CS = 0xfe10, S_SS = 0xfe20, S_TR = 0xfe90, S_HALT = 0xfec9 };
#else
enum { REVISION = 0xfefc, SMBASE = 0xfef8, S_CR0 = 0xfffc, S_CR3 = 0xfff8, S_CR4 = 0xff14, S_FLAGS = 0xfff4, S_IP = 0xfff0,
       S_DR7 = 0xffc8, S_AX = 0xffd0, S_CX = 0xffd4, S_DX = 0xffd8, S_BX = 0xffdc, S_SP = 0xffe0, S_BP = 0xffe4, S_SI = 0xffe8, S_DI = 0xffec,
       S_CS = 0xffac, S_SS = 0xffb0, S_TR = 0xffc4, S_HALT = 0xff02 };
#endif

/* The handler and its routines run above 64 KiB: their jumps need 32-bit operands. */
/* What the handler leaves and takes, one for each processor. The assembly below knows the offsets. */
typedef struct Visit {
    u32 count, cr0, cs, flags, ds, cr4, base, ss;    /* 0 … 28 */
    u32 nchanges;                                    /* 32: stores into the save area before RSM */
    u32 routine;                                     /* 36: 16-bit code to be called before that, or 0 */
    u32 seen, go;                                    /* 40, 44: for routines */
    struct { u32 offset, value; } changes[8];        /* 48 */
    u8 pad[16];
    u8 area[512];                                    /* 128: the save area from 0xfe00 on as it was */
    u8 pad2[384];
} Visit;
_Static_assert(sizeof(Visit) == 1024, "the handler indexes by it");
volatile Visit visits[2] __attribute__((aligned(1024)));
#define bsp (&visits[0])
#define ap (&visits[1])

asm(".text\n"
    ".code16\n"
    ".globl smm_stub, smm_stub_end\n"
    "smm_stub: movl $0x7000, %esp; pushfl; popl %ebp; mov %cs, %bx; movzwl %bx, %ebx; shll $4, %ebx; movl $smm_handler, %eax; subl %ebx, %eax; jmpl *%eax\n"
    "smm_stub_end:\n"
    "smm_handler: movl $0xfee00020, %esi; movl (%esi), %esi; shrl $24, %esi; shll $10, %esi; addl $visits, %esi\n"
    "movl $0x7000, %esp; movl %esi, %eax; subl $visits, %eax; shrl $2, %eax; subl %eax, %esp\n" /* 256 bytes for each */
    "movl %ebp, 12(%esi)\n"
    "incl (%esi); movl %cr0, %eax; movl %eax, 4(%esi); xorl %eax, %eax; mov %cs, %ax; movl %eax, 8(%esi); mov %ds, %ax; movl %eax, 16(%esi)\n"
    "mov %ss, %ax; movl %eax, 28(%esi); movl %cr4, %eax; movl %eax, 20(%esi); movl %ebx, 24(%esi)\n"
    "movl $128, %ecx; xorl %edx, %edx\n"
    "1: movl 0xfe00(%ebx, %edx), %eax; movl %eax, 128(%esi, %edx); addl $4, %edx; decl %ecx; data32 jnz 1b\n"
    "movl 36(%esi), %eax; testl %eax, %eax; data32 jz 2f; subl %ebx, %eax; pushl %ebx; pushl %esi; calll *%eax; popl %esi; popl %ebx\n"
    "2: movl 32(%esi), %ecx; testl %ecx, %ecx; data32 jz 4f; xorl %edi, %edi\n"
    "3: movl 48(%esi, %edi, 8), %eax; movl 52(%esi, %edi, 8), %edx; addl %ebx, %eax; movl %edx, (%eax); incl %edi; decl %ecx; data32 jnz 3b\n"
    "4: rsm\n"
#ifdef __x86_64__
    ".code64\n"
#else
    ".code32\n"
#endif
);
extern const char smm_stub[], smm_stub_end[];

#ifdef __x86_64__
#define BACK ".code64\n"
#else
#define BACK ".code32\n"
#endif
/* 16-bit code for Visit.routine; ESI = the visit. */
#define ROUTINE(name, text) extern const char name[]; asm(".text\n.code16\n.globl " #name "\n" #name ":\n" text "\nretl\n" BACK)

/* ---- Tools ---- */

static void pci_write(u32 reg, u32 v, unsigned bytes)
{
    asm volatile("outl %0, %w1" : : "a"(0x80000000u | (reg & ~3u)), "d"(0xcf8));
    u16 port = (u16)(0xcfc + (reg & 3));
    if (bytes == 4)
        asm volatile("outl %0, %w1" : : "a"(v), "d"(port));
    else
        outb(port, (u8)v);
}

static u32 pci_read(u32 reg)
{
    u32 v;
    asm volatile("outl %0, %w1" : : "a"(0x80000000u | (reg & ~3u)), "d"(0xcf8));
    asm volatile("inl %w1, %0" : "=a"(v) : "d"(0xcfc));
    return v >> 8 * (reg & 3);
}
enum { SMRAM_REG = 0x72, DEVACTB = 0x1 << 11 | 3 << 8 | 0x58 };

static void apic_write(u32 reg, u32 v) { *(volatile u32 *)(ul)(APIC + reg) = v; }
static u32 apic_read(u32 reg) { return *(volatile u32 *)(ul)(APIC + reg); }
enum { IPI_SMI = 0x200, IPI_NMI = 0x400, IPI_INIT = 0x4500, IPI_STARTUP = 0x600 };
static void ipi(unsigned id, u32 command)
{
    apic_write(0x310, id << 24);
    apic_write(0x300, command);
    while (apic_read(0x300) & 0x1000)
        ;
}

/* Long enough for the other processor to do something it has been told. */
static void settle(void)
{
    for (volatile unsigned i = 0; i < 3000000; i++)
        ;
}

static int becomes(volatile u32 *p, u32 want)
{
    for (unsigned i = 0; i < 400; i++) {
        if (*p == want)
            return 1;
        for (volatile unsigned j = 0; j < 1000000 && *p != want; j++)
            ;
    }
    return *p == want;
}

static void copy(ul to, const char *from, const char *end)
{
    for (volatile u8 *p = (u8 *)to; from < end;)
        *p++ = (u8)*from++;
}

static u32 saved(volatile Visit *v, unsigned at) { return *(volatile u32 *)(v->area + (at - 0xfe00)); }
static u16 saved16(volatile Visit *v, unsigned at) { return *(volatile u16 *)(v->area + (at - 0xfe00)); }
static u8 saved8(volatile Visit *v, unsigned at) { return v->area[at - 0xfe00]; }

static void change(volatile Visit *v, unsigned at, u32 value)
{
    v->changes[v->nchanges].offset = at;
    v->changes[v->nchanges++].value = value;
}

static void plain(volatile Visit *v)
{
    v->nchanges = v->routine = 0;
}

/* ---- One visit ---- */

volatile ul after[9]; /* AX CX DX BX SP BP SI DI flags behind the OUT */
#ifdef __x86_64__
#define SAVE_REGS "mov %rax, after; mov %rcx, after+8; mov %rdx, after+16; mov %rbx, after+24; mov %rsp, after+32; mov %rbp, after+40;" \
                  "mov %rsi, after+48; mov %rdi, after+56; pushf; pop after+64;"
CODE(visit, "push %rbx; push %rbp; push %rsi; push %rdi; mov %rsp, visit_sp; mov $0x1111222233334444, %rcx; mov $0x6666777788889999, %rbp;"
            "mov $0xaaaabbbbcccc1234, %rbx; mov $0x5555666677778888, %rsi; mov $0x9999aaaabbbbcccc, %rdi; mov $0xddddeeeeffff00b2, %rdx;"
            "mov $0x0123456789abcd42, %rax; stc; std; visit_out: outb %al, $0xb2; visit_next: " SAVE_REGS "cld; pop %rdi; pop %rsi; pop %rbp; pop %rbx");
static const ul before[8] = { 0x0123456789abcd42, 0x1111222233334444, 0xddddeeeeffff00b2, 0xaaaabbbbcccc1234, 0, 0x6666777788889999,
                              0x5555666677778888, 0x9999aaaabbbbcccc };
#else
#define SAVE_REGS "mov %eax, after; mov %ecx, after+4; mov %edx, after+8; mov %ebx, after+12; mov %esp, after+16; mov %ebp, after+20;" \
                  "mov %esi, after+24; mov %edi, after+28; pushf; popl after+32;"
CODE(visit, "push %ebx; push %ebp; push %esi; push %edi; mov %esp, visit_sp; mov $0x11112222, %ecx; mov $0x66667777, %ebp; mov $0xaaaabbbb, %ebx;"
            "mov $0x55556666, %esi; mov $0x9999aaaa, %edi; mov $0xdddd00b2, %edx; mov $0x89abcd42, %eax; stc; std;"
            "visit_out: outb %al, $0xb2; visit_next: " SAVE_REGS "cld; pop %edi; pop %esi; pop %ebp; pop %ebx");
static const ul before[8] = { 0x89abcd42, 0x11112222, 0xdddd00b2, 0xaaaabbbb, 0, 0x66667777, 0x55556666, 0x9999aaaa };
#endif
LABEL(visit_out); LABEL(visit_next);
ul visit_sp;

static void check_return(const char *name)
{
    static const char *const regs[8] = { "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI" };
    check(name, ex.vector, NONE);
    for (unsigned i = 0; i < 8; i++)
        check(regs[i], after[i], i == 4 ? visit_sp : before[i]);
    check("flags", after[8] & (FL_CF | FL_DF | FL_IF), FL_CF | FL_DF);
}

static void go(const char *name)
{
    u32 count = bsp->count;
    ex.vector = NONE;
    try0(visit, 0, 0);
    check(name, bsp->count, count + 1);
    check_return(name);
}

/* CS as the save area has it: AMD64 and P6 keep type, S, DPL, P in the low byte, AVL, L, D, G in the high nibble. */
static unsigned saved_attributes(volatile Visit *v)
{
#ifdef __x86_64__
    return saved16(v, S_CS + 2);
#else
    return saved16(v, 0xff90);
#endif
}

static void entry(ul base)
{
    write_dr7(0x400 | 0x700);
    ul cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();
    go("SMI by port 0xb2, before the next instruction");
    check("PE EM TS PG at entry", bsp->cr0 & 0x8000000d, 0);
    check("the rest of CR0", bsp->cr0, (u32)cr0 & ~0x8000000du);
    check("CR4 at entry", bsp->cr4, 0);
    check("CS at entry", bsp->cs, base >> 4);
    check("DS at entry", bsp->ds, 0);
    check("SS at entry", bsp->ss, 0);
    check("flags at entry", bsp->flags, 2);
    check("SMBASE", saved(bsp, SMBASE), base);
    check("CR0 saved", saved(bsp, S_CR0), cr0);
    check("CR3 saved", saved(bsp, S_CR3), cr3);
    check("CR4 saved", saved(bsp, S_CR4), cr4);
    check("IP saved", saved(bsp, S_IP), VAL(visit_next));
    check("flags saved", saved(bsp, S_FLAGS) & (FL_CF | FL_DF | FL_IF | 2), FL_CF | FL_DF | 2);
    check("AX saved", saved(bsp, S_AX), (u32)before[0]);
    check("CX saved", saved(bsp, S_CX), (u32)before[1]);
    check("DX saved", saved(bsp, S_DX), (u32)before[2]);
    check("BX saved", saved(bsp, S_BX), (u32)before[3]);
    check("SP saved", saved(bsp, S_SP), (u32)visit_sp);
    check("BP saved", saved(bsp, S_BP), (u32)before[5]);
    check("SI saved", saved(bsp, S_SI), (u32)before[6]);
    check("DI saved", saved(bsp, S_DI), (u32)before[7]);
    check("DR7 saved", saved(bsp, S_DR7), 0x700);
    check("DR7 back", read_dr7(), 0x700);
    check("CS saved", saved16(bsp, S_CS), KCS);
    check("SS saved", saved16(bsp, S_SS), KDS);
    check("TR saved", saved16(bsp, S_TR), TSS_SEL);
    check("no HLT", saved8(bsp, S_HALT), 0);
    check("CR0 back", read_cr0(), cr0);
    check("CR3 back", read_cr3(), cr3);
    check("CR4 back", read_cr4(), cr4);
    write_dr7(0x400);
#ifdef __x86_64__
    check("revision", saved(bsp, REVISION), 0x20064);
    check("attributes of CS", saved_attributes(bsp) & 0xf0ff, 0xa09b);
    check("limit of CS", saved(bsp, S_CS + 4), 0xffffffff);
    check("EFER saved", saved(bsp, S_EFER), 0xd01);
    check("EFER back", rdmsr(0xc0000080), 0xd01);
    check("upper half of AX saved", saved(bsp, S_AX + 4), before[0] >> 32);
    check("base of TR", saved(bsp, S_TR + 8), VAL(&tss));
    check("base of GDT", saved(bsp, 0xfe68), VAL(gdt));
    check("limit of IDT", saved16(bsp, 0xfe84), idt_pointer.limit);
#else
    check("revision", saved(bsp, REVISION), 0x20000);
    check("attributes of CS", saved_attributes(bsp) & 0xf0ff, 0xc09b);
    check("base of GDT", saved(bsp, 0xff74), VAL(gdt));
    check("limit of IDT", saved16(bsp, 0xff54), idt_pointer.limit);
#endif
}

CODE(rsm_outside, "rsm_at: rsm");
LABEL(rsm_at);

static void relocation(ul base)
{
    copy(NEW_BASE + 0x8000, smm_stub, smm_stub_end);
    change(bsp, SMBASE, NEW_BASE);
    go("relocate");
    plain(bsp);
    check("still at the old base", bsp->base, base);
    go("relocated");
    check("new base", bsp->base, NEW_BASE);
    check("CS at the new base", bsp->cs, NEW_BASE >> 4);
    check("SMBASE saved", saved(bsp, SMBASE), NEW_BASE);
    try0(rsm_outside, 0, 0);
    check_fault("RSM outside SMM", UD, 0, rsm_at);
}

/* ---- What RSM restores is what the save area holds ---- */

CODE(elsewhere, "mov $0x77, %eax; int $0x80");
static void changed_state(void)
{
    change(bsp, S_CX, 0x31415926);
    change(bsp, S_FLAGS, 0x44);
    u32 count = bsp->count;
    try0(visit, 0, 0);
    plain(bsp);
    check("changed: visited", bsp->count, count + 1);
    check("changed CX", (u32)after[1], 0x31415926);
    check("changed flags", after[8] & 0xcd5, 0x44);
    change(bsp, S_IP, (u32)VAL(elsewhere));
    try0(visit, 0, 0);
    plain(bsp);
    check_fault("changed IP", EXIT, 0, 0);
    check("changed IP: AX", (u32)ex.ax, 0x77);
    asm volatile("cld");
}

/* ---- Other modes ---- */

CODE(user_out, "user_out_at: outb %al, $0xb2; user_out_next: int $0x80");
LABEL(user_out_next);
static void user_mode(void)
{
    u32 count = bsp->count;
    user_flags = 0x3002;
    try3(user_out, 0x42, 0);
    user_flags = 2;
    check_fault("SMI at CPL 3", EXIT, 0, user_out_next + 2);
    check("SMI at CPL 3: visited", bsp->count, count + 1);
    check("CS at CPL 3", ex.cs, UCS);
    check("SS at CPL 3", ex.ss, UDS);
    check("IOPL", ex.flags & 0x3000, 0x3000);
    check("CS of CPL 3 saved", saved16(bsp, S_CS), UCS);
}

#ifdef __x86_64__
CODE(compat_out, "push %rbx; lea 1f, %rax; push $0x40; push %rax; lretq; .code32; 1: outb %al, $0xb2; compat_next: mov $0x8001, %ebx; inc %ebx;"
                 "ljmp $8, $2f; .code64; 2: mov %rbx, %rax; pop %rbx; mov %rax, after");
LABEL(compat_next);
static void other_modes(void)
{
    u32 count = bsp->count;
    try0(compat_out, 0, 0);
    check("SMI in compatibility mode", bsp->count, count + 1);
    check("it went on", after[0], 0x8002);
    check("IP of compatibility mode", saved(bsp, S_IP), VAL(compat_next));
    check("CS of compatibility mode", saved16(bsp, S_CS), KCS32);
    check("its attributes", saved_attributes(bsp) & 0xf0ff, 0xc09b);
    user_mode();
}
#else
static u32 directory[1024] __attribute__((aligned(4096)));
static u64 pdpt[4] __attribute__((aligned(32))), pae[4][512] __attribute__((aligned(4096)));
static void other_modes(void)
{
    user_mode();
    for (unsigned i = 0; i < 1024; i++)
        directory[i] = i << 22 | 0x87;
    for (unsigned i = 0; i < 2048; i++)
        pae[i >> 9][i & 511] = (u64)i << 21 | 0x87;
    for (unsigned i = 0; i < 4; i++)
        pdpt[i] = VAL(pae[i]) | 1;
    write_cr4(read_cr4() | 0x10);
    write_cr3(VAL(directory));
    write_cr0(read_cr0() | 0x80000000);
    go("with paging");
    check("PG saved", saved(bsp, S_CR0) >> 31, 1);
    check("PG back", read_cr0() >> 31, 1);
    write_cr0(read_cr0() & ~0x80000000);
    write_cr4(read_cr4() | 0x20);
    write_cr3(VAL(pdpt));
    write_cr0(read_cr0() | 0x80000000);
    go("with PAE");
    check("PAE back", read_cr4() & 0x30, 0x30);
    pae[0][5] = 0x87; /* what RSM loads is walked again: 10 MiB shows address 0 */
    go("with PAE once more");
    check("a changed page table", *(volatile u32 *)0xa07000, *(volatile u32 *)0x7000);
    write_cr0(read_cr0() & ~0x80000000);
    write_cr4(read_cr4() & ~0x30);
}
#endif

/* ---- SMIs and NMIs in SMM ---- */

ROUTINE(more_smis, "movl $0xfee00310, %eax; movl $0, (%eax); movl $0xfee00300, %eax; movl $0x200, (%eax); outb %al, $0xb2; movl $0, 36(%esi);"
                   "movl $100000, %ecx; 1: decl %ecx; data32 jnz 1b; movl (%esi), %eax; movl %eax, 40(%esi)");
#define SELF_NMI "movl $0xfee00310, %eax; movl $0, (%eax); movl $0xfee00300, %eax; movl $0x400, (%eax); movl $100000, %ecx; 1: decl %ecx; data32 jnz 1b;"
/* Real mode's table at 0x7800: its NMI entry adds 0x100 to Visit.seen by DS = 0 and the address in ESI. */
#define LOW_IDT "movl $low_idt, %eax; lidtl (%eax);"
ROUTINE(nmi_held, LOW_IDT SELF_NMI "movl $0, 36(%esi)");
/* IRET lets NMIs in. Runs from SMBASE + 0x9000: real mode pushes 16 bits of IP. */
ROUTINE(nmi_after_iret, LOW_IDT "pushfl; pushl %cs; pushl $(2f - nmi_after_iret + 0x9000); iretl; 2:" SELF_NMI "movl $0, 36(%esi); data32 jmp 3f; 3:");
ROUTINE(nmi_after_iret_end, "");
struct __attribute__((packed)) { u16 limit; u32 base; } low_idt = { 0x3ff, LOW_IVT };
asm(".text\n.code16\n.globl low_nmi, low_nmi_end\nlow_nmi: addl $0x100, 40(%esi); iretw\nlow_nmi_end:\n" BACK);
extern const char low_nmi[], low_nmi_end[];

static volatile unsigned nmis, deepest, depth;
static int on_nmi(Frame *f)
{
    if (f->vector != 2)
        return 0;
    nmis++;
    if (++depth > deepest)
        deepest = depth;
    if (nmis == 1) {
        outb(0xb2, 0x42); /* RSM must not let NMIs in */
        ipi(0, IPI_NMI);
        for (volatile unsigned i = 0; i < 100000; i++)
            ;
    }
    depth--;
    return 1;
}

static void held_back(void)
{
    u32 count = bsp->count;
    bsp->routine = (u32)VAL(more_smis);
    ex.vector = NONE;
    try0(visit, 0, 0);
    check("SMIs in SMM: one more visit", bsp->count, count + 2);
    check("SMIs in SMM are held back", bsp->seen, count + 1);
    check_return("SMIs in SMM");

    copy(LOW_IVT + 0x400, low_nmi, low_nmi_end);
    *(volatile u32 *)(LOW_IVT + 8) = (LOW_IVT + 0x400) >> 4 << 16;
    event_hook = on_nmi;
    nmis = 2;
    bsp->seen = 0;
    bsp->routine = (u32)VAL(nmi_held);
    try0(visit, 0, 0);
    check("held back there", bsp->seen, 0);
    check("taken after RSM", nmis, 3);
    check("where", ex.ip, VAL(visit_next));
    copy(NEW_BASE + 0x9000, nmi_after_iret, nmi_after_iret_end);
    bsp->routine = NEW_BASE + 0x9000;
    try0(visit, 0, 0);
    check("NMI in SMM after IRET", bsp->seen, 0x100);
    check("and not once more", nmis, 3);
    nmis = deepest = depth = 0;
    count = bsp->count;
    ipi(0, IPI_NMI);
    for (volatile unsigned i = 0; i < 100000; i++)
        ;
    check("SMI in an NMI handler", bsp->count, count + 1);
    check("two NMIs", nmis, 2);
    check("one after the other", deepest, 1);
    event_hook = 0;
}

/* ---- The second processor: real mode, HLT, INIT ---- */

/* At AP_CODE: counts in BX what wakes it; DS:0x600 says how often. */
asm(".text\n.code16\n.globl ap_code, ap_code_end\n"
    "ap_code: cli; xorw %ax, %ax; mov %ax, %ds; mov $0x1234, %ax; mov %ax, %es; movl $0xcafe1234, %ebp; incl 0x604\n"
    "1: incl 0x600; hlt; ap_hlt_next: movl %ebp, 0x608; mov %es, %ax; mov %ax, 0x60c; jmp 1b\n"
    "ap_code_end:\n" BACK);
extern const char ap_code[], ap_code_end[], ap_hlt_next[];
#define rounds ((volatile u32 *)0x600)
#define starts ((volatile u32 *)0x604)

static void start_ap(void)
{
    u32 n = *starts;
    ipi(1, IPI_INIT);
    settle();
    ipi(1, IPI_STARTUP | AP_CODE >> 12);
    settle();
    if (*starts == n)
        ipi(1, IPI_STARTUP | AP_CODE >> 12);
    check("second processor starts", becomes(starts, n + 1), 1);
}

ROUTINE(wait_to_go, "movl $1, 40(%esi); 1: pause; cmpl $0, 44(%esi); data32 je 1b; movl $0, 36(%esi)");

static void second_processor(void)
{
    copy(AP_CODE, ap_code, ap_code_end);
    copy(0x38000, smm_stub, smm_stub_end);
    copy(AP_BASE + 0x8000, smm_stub, smm_stub_end);
    *rounds = *starts = 0;
    start_ap();
    check("it waits", becomes(rounds, 1), 1);
    ipi(1, IPI_STARTUP | AP_CODE >> 12);
    settle();
    check("a SIPI does not end HLT", *rounds, 1);
    change(ap, SMBASE, AP_BASE);
    ipi(1, IPI_SMI);
    check("SMI by IPI", becomes(&ap->count, 1), 1);
    settle();
    plain(ap);
    check("its SMBASE", ap->base, 0x30000);
    check("HLT is marked", saved8(ap, S_HALT) & 1, 1);
    check("IP behind HLT", saved16(ap, S_IP), (u16)(ap_hlt_next - ap_code));
    check("real mode saved", saved(ap, S_CR0) & 1, 0);
    check("BP saved", saved(ap, S_BP), 0xcafe1234);
    check("HLT goes on after RSM", *rounds, 1);
    change(ap, S_HALT & ~3u, *(volatile u32 *)(ap->area + (S_HALT & ~3u) - 0xfe00) & ~(1u << 8 * (S_HALT & 3)));
    ipi(1, IPI_SMI);
    check("SMI by IPI again", becomes(&ap->count, 2), 1);
    check("not so when the mark is cleared", becomes(rounds, 2), 1);
    plain(ap);
    check("its new SMBASE", ap->base, AP_BASE);
    check("EBP in real mode", *(volatile u32 *)0x608, 0xcafe1234);
    check("ES in real mode", *(volatile u16 *)0x60c, 0x1234);
    check("the first was not disturbed", bsp->base != AP_BASE, 1);

    ap->seen = ap->go = 0;
    ap->routine = (u32)VAL(wait_to_go);
    ipi(1, IPI_SMI);
    check("in SMM", becomes(&ap->seen, 1), 1);
    ipi(1, IPI_INIT);
    settle();
    ipi(1, IPI_SMI);
    ap->go = 1;
    check("INIT waits for RSM", becomes(&ap->routine, 0), 1);
    settle();
    u32 n = *starts;
    ipi(1, IPI_STARTUP | AP_CODE >> 12);
    check("and is taken then", becomes(starts, n + 1), 1);
    n = ap->count;
    ipi(1, IPI_SMI);
    check("SMI after INIT", becomes(&ap->count, n + 1), 1);
    settle();
    check("SMBASE after INIT", ap->base, AP_BASE);
}

/* ---- SMRAM ---- */

ROUTINE(look, "movl $0xa0100, %eax; movl (%eax), %edx; movl %edx, 40(%esi); addl $0x11111111, (%eax); movl $0, 36(%esi)");

static void smram(void)
{
    volatile u32 *word = (volatile u32 *)(SMRAM + 0x100);
    pci_write(SMRAM_REG, 0x4a, 1);
    copy(SMRAM + 0x8000, smm_stub, smm_stub_end);
    *word = 0x12345678;
    check("open SMRAM", *word, 0x12345678);
    pci_write(SMRAM_REG, 0x0a, 1);
    check("closed SMRAM", *word != 0x12345678, 1);
    *word = 0;
    change(bsp, SMBASE, SMRAM);
    go("to SMRAM");
    plain(bsp);
    bsp->routine = (u32)VAL(look);
    go("in SMRAM");
    check("its base", bsp->base, SMRAM);
    check("SMM sees it", bsp->seen, 0x12345678);
    check("others still do not", *word != 0x23456789 && *word != 0x12345678, 1);
    pci_write(SMRAM_REG, 0x4a, 1);
    check("SMM changed it", *word, 0x23456789);
    pci_write(SMRAM_REG, 0x5a, 1);
    check("the lock closes it", *word != 0x23456789, 1);
    check("locked", pci_read(SMRAM_REG) & 0x58, 0x18);
    pci_write(SMRAM_REG, 0x4a, 1);
    check("it stays", pci_read(SMRAM_REG) & 0x58, 0x18);
    bsp->routine = (u32)VAL(look);
    go("in locked SMRAM");
    check("SMM still sees it", bsp->seen, 0x23456789);
}

/* ---- RSM with a bad state: shutdown, which resets the machine ---- */

static u8 cmos(u8 index) { outb(0x70, index); return inb(0x71); }
static void set_cmos(u8 index, u8 v) { outb(0x70, index); outb(0x71, v); }
enum { STAGE = 0x60 };

static const struct { const char *name; u16 at; u32 set, clear; } bad[] = {
    { "RSM: reserved bit of CR4", S_CR4, 1u << 29, 0 },
    { "RSM: PG without PE", S_CR0, 0x80000000, 1 },
    { "RSM: NW without CD", S_CR0, 0x20000000, 0x40000000 },
#ifdef __x86_64__
    { "RSM: reserved bit of EFER", S_EFER, 0x80000, 0 },
    { "RSM: LMA without LME", S_EFER, 0, 0x100 },
    { "RSM: long mode without PAE", S_CR4, 0, 0x20 },
    { "RSM: upper half of CR0", S_CR0 + 4, 1, 0 },
#endif
};

static void prepare(void)
{
    u32 devactb = pci_read(DEVACTB);
    copy(0x38000, smm_stub, smm_stub_end);
    pci_write(SMRAM_REG, 0x4a, 1);
    copy(SMRAM + 0x8000, smm_stub, smm_stub_end);
    pci_write(SMRAM_REG, 0x0a, 1);
    pci_write(DEVACTB, devactb | 1u << 25, 4);
}

static void bad_states(void)
{
    unsigned n = cmos(STAGE);
    if (n >= sizeof bad / sizeof *bad) {
        check("each bad state reset the machine", n, sizeof bad / sizeof *bad);
        set_cmos(STAGE, 0);
        return;
    }
    set_cmos(STAGE, (u8)(n + 1));
    plain(bsp);
    outb(0xb2, 0x42);
    change(bsp, bad[n].at, (saved(bsp, bad[n].at) | bad[n].set) & ~bad[n].clear);
    outb(0xb2, 0x42);
    set_cmos(STAGE, 0);
    check(bad[n].name, 1, 0);
}

void main(void)
{
    prepare();
    if (cmos(STAGE)) {
        bad_states();
        return;
    }
    outb(0xb2, 0x42);
    check("a visit", bsp->count, 1);
    ul base = bsp->base;
    entry(base);
    relocation(base);
    changed_state();
    other_modes();
    held_back();
    second_processor();
    smram();
    if (!failures)
        bad_states();
}
