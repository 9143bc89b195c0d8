/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts: raising them from helpers, double and triple faults, and delivery in real,
 * v8086 (with VME), protected and long mode. Intel SDM vol. 3 chapter 6 and sections 20.1-20.3.
 * Left out: machine checks other than injected ones.
 */
#include "hw/boards.h"
#include "helper.h"
#include "sys.h"
#include "util/log.h"

#include <inttypes.h>

/* ---- Raising ---- */

/* Classes for the double-fault table, SDM table 6-4. */
static bool is_contributory(int vector)
{
    return vector == EXCP00_DIVZ || (vector >= EXCP0A_TSS && vector <= EXCP0D_GPF);
}

static bool makes_double_fault(int first, int second)
{
    return is_contributory(first) ? is_contributory(second)
                                  : first == EXCP0E_PAGE && (second == EXCP0E_PAGE || is_contributory(second));
}

_Noreturn void x86_shutdown(X86CPU *env, uintptr_t ra)
{
    CPUState *cpu = &env->parent;
    log_printf(LOG_CPU_RESET | LOG_INT, "Shutdown (triple fault, or RSM with a bad state)\n");
    env->old_exception = -1;
    cpu_restore_state(cpu, ra);
    system_reset_request(SHUTDOWN_TRIPLE_FAULT);
    atomic_store(&cpu->halted, true);
    cpu->exception_index = EXCP_HLT;
    cpu_loop_exit(cpu);
}

_Noreturn void raise_exception_err(X86CPU *env, int vector, uint32_t error_code, uintptr_t retaddr)
{
    int first = env->old_exception;
    log_printf(LOG_INT, "raise %02x error %04x (delivering %d)\n", vector, error_code, first);
    if (first == EXCP08_DBLE && (is_contributory(vector) || vector == EXCP0E_PAGE))
        x86_shutdown(env, retaddr);
    if (makes_double_fault(first, vector)) {
        vector = EXCP08_DBLE;
        error_code = 0;
    }
    env->parent.exception_index = vector;
    env->error_code = error_code;
    env->exception_is_int = false;
    env->exception_next_eip = 0;
    cpu_loop_exit_restore(&env->parent, retaddr);
}

_Noreturn void raise_exception(X86CPU *env, int vector, uintptr_t retaddr)
{
    raise_exception_err(env, vector, 0, retaddr);
}

_Noreturn void raise_interrupt(X86CPU *env, int vector, bool is_int, uint64_t next_eip, uintptr_t retaddr)
{
    CPUState *cpu = &env->parent;
    cpu_restore_state(cpu, retaddr);
    cpu->exception_index = vector;
    env->error_code = 0;
    env->exception_is_int = is_int;
    env->exception_next_eip = next_eip;
    if (!is_int)
        env->eip = next_eip;
    cpu_loop_exit(cpu);
}

/* ---- One event on its way to the guest ---- */

typedef struct Event {
    unsigned vector;
    bool software;      /* INT n, INT3, INTO: gate DPL counts, EXT is 0 */
    bool has_error;
    uint32_t error;
    uint64_t eip;       /* return address */
    uint32_t eflags;    /* image to push */
} Event;

static unsigned event_ext(const Event *e) { return e->software ? 0 : 1; }

static _Noreturn void gate_fault(X86CPU *env, int vector, const Event *e)
{
    raise_exception_err(env, vector, e->vector * 8 + 2 + event_ext(e), 0);
}

static bool vector_has_error_code(unsigned v)
{
    return v == EXCP08_DBLE || (v >= EXCP0A_TSS && v <= EXCP0E_PAGE) || v == EXCP11_ALGN;
}

/* Fault-class exceptions push EFLAGS with RF set (SDM 17.3.1.1); #DB pushes RF as it is. */
static bool is_fault_class(unsigned v)
{
    return v == EXCP00_DIVZ || (v >= EXCP05_BOUND && v <= EXCP07_PREX) || (v >= EXCP0A_TSS && v <= EXCP11_ALGN) ||
           v >= EXCP13_SIMD;
}

/* ---- Real mode ---- */

/* Pushes FLAGS, CS, IP as 16-bit values and goes to the vector's entry in the table at base. */
static void deliver_real(X86CPU *env, const Event *e, uint64_t table, uint32_t eflags, uint32_t clear)
{
    X86Stack st;
    x86_stack_current(&st, env, 0);
    uint32_t entry = cpu_ldl(&env->parent, table + e->vector * 4, x86_implicit_mode(env), 0);
    x86_push(&st, 2, eflags);
    x86_push(&st, 2, env->segs[R_CS].selector);
    x86_push(&st, 2, e->eip);
    x86_stack_commit(&st);
    env->eip = entry & 0xffff;
    env->eflags &= ~clear;
    cpu_x86_load_seg_real(env, R_CS, entry >> 16);
}

static void deliver_real_mode(X86CPU *env, const Event *e)
{
    if (e->vector * 4 + 3 > env->idt.limit)
        gate_fault(env, EXCP0D_GPF, e);
    deliver_real(env, e, env->idt.base, e->eflags, IF_MASK | TF_MASK | AC_MASK | RF_MASK);
}

/* ---- INT n in v8086 mode (SDM table 20-2): true when it was handled as in real mode ---- */

/* INT n, not INT3 or INTO: the last byte of the instruction is the vector. */
static bool is_int_n(X86CPU *env, const Event *e)
{
    uint64_t last = (uint32_t)(env->segs[R_CS].base + ((e->eip - 1) & 0xffff));
    return cpu_ldub(&env->parent, last, x86_mode_at_cpl(env, 3), 0) == e->vector;
}

/* The software interrupt redirection bitmap: 32 bytes below the I/O permission bitmap of the TSS. */
static bool redirected_to_protected(X86CPU *env, unsigned vector)
{
    unsigned mode = x86_implicit_mode(env);
    if (env->tr.limit < 0x67)
        raise_exception_err(env, EXCP0D_GPF, 0, 0);
    unsigned offset = cpu_lduw(&env->parent, env->tr.base + 0x66, mode, 0) - 32u + vector / 8;
    if (offset > env->tr.limit)
        raise_exception_err(env, EXCP0D_GPF, 0, 0);
    return cpu_ldub(&env->parent, env->tr.base + offset, mode, 0) >> (vector & 7) & 1;
}

static bool deliver_v86_int_n(X86CPU *env, const Event *e)
{
    bool vme = env->cr[4] & CR4_VME, io3 = x86_iopl(env) == 3;
    if (!is_int_n(env, e))
        return false;
    if (!vme || redirected_to_protected(env, e->vector)) {
        if (!io3)
            raise_exception_err(env, EXCP0D_GPF, 0, 0);
        return false;
    }
    uint32_t image = e->eflags;
    if (!io3) {
        image = (image & ~(uint32_t)IF_MASK) | IOPL_MASK;
        if (image & VIF_MASK)
            image |= IF_MASK;
    }
    deliver_real(env, e, 0, image, TF_MASK | RF_MASK | (io3 ? IF_MASK : VIF_MASK));
    return true;
}

/* ---- Protected mode ---- */

static Descriptor read_gate(X86CPU *env, const Event *e, unsigned bytes, uint64_t *high)
{
    if (e->vector * bytes + bytes - 1 > env->idt.limit)
        gate_fault(env, EXCP0D_GPF, e);
    uint64_t q[2], va = env->idt.base + e->vector * bytes;
    cpu_ld_bytes(&env->parent, va, q, bytes, x86_implicit_mode(env), 0);
    if (high)
        *high = q[1];
    return (Descriptor){ (uint32_t)q[0], (uint32_t)(q[0] >> 32) };
}

/* Type, DPL and presence of an interrupt, trap or task gate. */
static void check_gate(X86CPU *env, const Event *e, Descriptor gate)
{
    unsigned type = desc_type(gate);
    bool ok = !(gate.hi & DESC_S);
    if (x86_long_mode(env))
        ok = ok && (type == SYS_INT || type == SYS_TRAP);
    else
        ok = ok && (type == SYS_TASK_GATE || (type & ~9u) == SYS_INT16);
    if (!ok || (e->software && desc_dpl(gate) < x86_cpl(env)))
        gate_fault(env, EXCP0D_GPF, e);
    if (!desc_present(gate))
        gate_fault(env, EXCP0B_NOSEG, e);
}

/* The handler's code segment; returns the CPL it runs at. */
static unsigned read_handler_code(X86CPU *env, const Event *e, uint32_t selector, Descriptor *d)
{
    unsigned cpl = x86_cpl(env);
    uint32_t error = (selector & 0xfffc) | event_ext(e);
    if (!(selector & 0xfffc))
        raise_exception_err(env, EXCP0D_GPF, event_ext(e), 0);
    if (!desc_read(env, selector, d, 0) || !desc_is_code(*d) || desc_dpl(*d) > cpl)
        raise_exception_err(env, EXCP0D_GPF, error, 0);
    if (x86_long_mode(env) && (d->hi & (DESC_L | DESC_B)) != DESC_L)
        raise_exception_err(env, EXCP0D_GPF, error, 0);
    if (!desc_present(*d))
        raise_exception_err(env, EXCP0B_NOSEG, error, 0);
    unsigned new_cpl = d->hi & DESC_C ? cpl : desc_dpl(*d);
    if (env->eflags & VM_MASK && new_cpl != 0)
        raise_exception_err(env, EXCP0D_GPF, error, 0);
    return new_cpl;
}

/* EFLAGS after entry through a gate: trap gates leave IF alone. */
static void clear_entry_flags(X86CPU *env, unsigned gate_type)
{
    env->eflags &= ~(uint32_t)(TF_MASK | NT_MASK | RF_MASK | VM_MASK | (gate_type & 1 ? 0 : IF_MASK));
}

static void push_v86_segments(X86CPU *env, X86Stack *st, unsigned size)
{
    static const uint8_t order[] = { R_GS, R_FS, R_DS, R_ES };
    for (unsigned i = 0; i < 4; i++)
        x86_push(st, size, env->segs[order[i]].selector);
}

static void drop_v86_segments(X86CPU *env)
{
    static const uint8_t data[] = { R_GS, R_FS, R_DS, R_ES };
    for (unsigned i = 0; i < 4; i++)
        seg_set(&env->segs[data[i]], 0, 0, 0, 0);
}

static void deliver_protected(X86CPU *env, const Event *e)
{
    Descriptor gate = read_gate(env, e, 8, NULL), code;
    check_gate(env, e, gate);
    if (desc_type(gate) == SYS_TASK_GATE) {
        x86_task_gate(env, gate, TASK_CALL, e->eip, event_ext(e), e->has_error ? (int64_t)e->error : -1, 0);
        return;
    }
    uint32_t selector = gate_selector(gate);
    unsigned size = desc_type(gate) & 8 ? 4 : 2, old_cpl = x86_cpl(env);
    unsigned cpl = read_handler_code(env, e, selector, &code);
    bool vm = env->eflags & VM_MASK, inner = cpl < old_cpl;
    uint32_t eip = size == 4 ? gate_offset(gate) : gate_offset(gate) & 0xffff;
    SegmentCache ss = env->segs[R_SS];
    X86Stack st;
    x86_stack_current(&st, env, 0);
    st.error = event_ext(e);
    if (inner) {
        x86_tss_stack(env, cpl, event_ext(e), &ss, &st.sp, 0);
        st.ss = &ss;
        st.mask = ss.flags & DESC_B ? 0xffffffff : 0xffff;
        st.mode = x86_mode_at_cpl(env, cpl);
        st.error |= ss.selector & 0xfffc;
        if (vm)
            push_v86_segments(env, &st, size);
        x86_push(&st, size, env->segs[R_SS].selector);
        x86_push(&st, size, env->regs[R_ESP]);
    }
    x86_push(&st, size, e->eflags);
    x86_push(&st, size, env->segs[R_CS].selector);
    x86_push(&st, size, e->eip);
    if (e->has_error)
        x86_push(&st, size, e->error);
    if (eip > desc_limit(code))
        raise_exception_err(env, EXCP0D_GPF, event_ext(e), 0);
    desc_set_accessed(env, selector, &code, 0);
    if (vm)
        drop_v86_segments(env);
    env->segs[R_SS] = ss;
    x86_stack_commit(&st);
    seg_set_desc(&env->segs[R_CS], (selector & 0xfffc) | cpl, code);
    env->eip = eip;
    clear_entry_flags(env, desc_type(gate));
}

/* ---- Long mode ---- */

/* The handler's RSP before pushing: IST, TSS or the current stack, aligned to 16. */
static uint64_t long_mode_stack(X86CPU *env, const Event *e, unsigned ist, unsigned cpl)
{
    uint64_t rsp = env->regs[R_ESP];
    if (ist)
        rsp = x86_tss64_stack(env, ist + 3, event_ext(e), 0);
    else if (cpl < x86_cpl(env))
        rsp = x86_tss64_stack(env, cpl, event_ext(e), 0);
    return rsp & ~15ull;
}

static void deliver_long_mode(X86CPU *env, const Event *e)
{
    uint64_t high;
    Descriptor gate = read_gate(env, e, 16, &high), code;
    check_gate(env, e, gate);
    uint32_t selector = gate_selector(gate);
    unsigned old_cpl = x86_cpl(env), cpl = read_handler_code(env, e, selector, &code), ist = gate.hi & 7;
    uint64_t rsp = long_mode_stack(env, e, ist, cpl), eip = gate_offset(gate) | high << 32;
    uint64_t frame[6] = { e->error,  e->eip,           env->segs[R_CS].selector,
                          e->eflags, env->regs[R_ESP], env->segs[R_SS].selector };
    unsigned skip = e->has_error ? 0 : 1;
    unsigned bytes = (6 - skip) * 8;
    rsp -= bytes;
    if (!x86_canonical(env, rsp) || !x86_canonical(env, rsp + bytes - 1))
        raise_exception_err(env, EXCP0C_STACK, event_ext(e), 0);
    cpu_st_bytes(&env->parent, rsp, frame + skip, bytes, x86_mode_at_cpl(env, cpl), 0);
    if (!x86_canonical(env, eip))
        raise_exception_err(env, EXCP0D_GPF, event_ext(e), 0);
    desc_set_accessed(env, selector, &code, 0);
    if (cpl < old_cpl)
        seg_set(&env->segs[R_SS], cpl, 0, 0, cpl << DESC_DPL_SHIFT);
    env->regs[R_ESP] = rsp;
    seg_set_desc(&env->segs[R_CS], (selector & 0xfffc) | cpl, code);
    env->eip = eip;
    clear_entry_flags(env, desc_type(gate));
}

/* ---- Delivery ---- */

static void log_event(const X86CPU *env, const Event *e, bool hardware)
{
    static unsigned count;
    log_write("%6u: v=%02x e=%04x i=%d cpl=%u IP=%04x:%016" PRIx64 " pc=%016" PRIx64 " SP=%04x:%016" PRIx64
              " %s=%016" PRIx64 "%s\n",
              count++, e->vector, e->error, e->software, x86_cpl(env), env->segs[R_CS].selector, env->eip,
              env->segs[R_CS].base + env->eip, env->segs[R_SS].selector, env->regs[R_ESP],
              e->vector == EXCP0E_PAGE ? "CR2" : "EAX", e->vector == EXCP0E_PAGE ? env->cr[2] : env->regs[R_EAX],
              hardware ? " hardware" : "");
}

/* Enters the handler of an event in the current mode. Faults on the way leave by longjmp. */
static void deliver(X86CPU *env, Event *e, bool hardware)
{
    if (log_enabled(LOG_INT))
        log_event(env, e, hardware);
    e->eflags = cpu_compute_eflags(env);
    if (!hardware && !e->software && is_fault_class(e->vector))
        e->eflags |= RF_MASK;
    env->hflags &= ~(uint32_t)HF_INHIBIT_IRQ;
    bool vm = env->eflags & VM_MASK, code64 = env->hflags & HF_CS64;
    if (!(env->cr[0] & CR0_PE))
        deliver_real_mode(env, e);
    else if (x86_long_mode(env))
        deliver_long_mode(env, e);
    else if (!vm || !e->software || !deliver_v86_int_n(env, e))
        deliver_protected(env, e);
    if (code64) /* and so are handlers in long mode */
        cpu_x86_update_hflags64(env, env->segs[R_SS].flags >> DESC_DPL_SHIFT & 3);
    else
        cpu_x86_update_hflags(env);
    env->old_exception = -1;
}

void x86_do_exception(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned vector = (unsigned)cpu->exception_index;
    bool is_int = env->exception_is_int, pe = env->cr[0] & CR0_PE;
    Event e = { .vector = vector & 0xff, .software = is_int, .eip = is_int ? env->exception_next_eip : env->eip };
    if (!is_int) {
        e.has_error = pe && vector_has_error_code(e.vector);
        e.error = e.has_error ? env->error_code : 0;
    }
    if (e.vector == EXCP01_DB) {
        env->dr[7] &= ~(1ull << 13);  /* GD */
        env->debugctl &= ~3ull;       /* LBR, BTF */
    }
    env->old_exception = is_int ? -1 : (int)vector;
    deliver(env, &e, false);
    cpu->exception_index = EXCP_NONE;
}

static void deliver_hardware(X86CPU *env, unsigned vector)
{
    Event e = { .vector = vector, .eip = env->eip };
    env->old_exception = -1;
    atomic_store(&env->parent.halted, false);
    deliver(env, &e, true);
}

/* ---- Interrupts from outside ---- */

/* INIT: registers as after reset but for x87, SSE, MSRs and the caches' mode; an AP then waits for SIPI, which may
 * already be pending: it was sent after the INIT. */
static void take_init(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    x86_cpu_init_signal(env);
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_INIT); /* only now: x86_takes_sipi() looks at either */
}

/* A SIPI means nothing to a processor that has not had INIT before it: it must not end its HLT. */
bool x86_takes_sipi(X86CPU *env)
{
    return atomic_load(&env->parent.interrupt_request) & CPU_INTERRUPT_INIT || __atomic_load_n(&env->sipi_waiting, __ATOMIC_SEQ_CST);
}

static void take_sipi(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    bool waiting = __atomic_exchange_n(&env->sipi_waiting, false, __ATOMIC_SEQ_CST);
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_SIPI); /* only now: another one that came meanwhile goes, too */
    if (!waiting)
        return;
    atomic_store(&cpu->halted, false);
    env->eip = 0;
    cpu_x86_load_seg_real(env, R_CS, (uint32_t)__atomic_load_n(&env->sipi_vector, __ATOMIC_RELAXED) << 8);
}

/* In SMM further SMIs, INIT and SIPI are held back until RSM (SDM vol. 3, "System Management Mode"). */
bool x86_exec_interrupt(CPUState *cpu, uint32_t request)
{
    X86CPU *env = x86_cpu(cpu);
    bool inhibited = env->hflags & HF_INHIBIT_IRQ;
    if (request & CPU_INTERRUPT_POLL)
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_POLL);
    if (request & CPU_INTERRUPT_SMI && !env->smm && !env->sipi_waiting && !inhibited) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_SMI);
        x86_smm_enter(env);
        return true;
    }
    if (request & CPU_INTERRUPT_INIT && !env->smm) {
        take_init(cpu);
        return true;
    }
    if (request & CPU_INTERRUPT_SIPI && !env->smm) {
        take_sipi(cpu);
        return true;
    }
    if (env->sipi_waiting)
        return false;
    if (request & CPU_INTERRUPT_NMI && !env->nmi_masked && !inhibited) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_NMI);
        env->nmi_masked = true;
        deliver_hardware(env, EXCP02_NMI);
        return true;
    }
    if (request & CPU_INTERRUPT_MCE) {
        cpu_reset_interrupt(cpu, CPU_INTERRUPT_MCE);
        deliver_hardware(env, EXCP12_MCHK);
        return true;
    }
    if (inhibited) { /* look again after the instruction in the shadow */
        atomic_store(&cpu->exit_request, 1);
        return false;
    }
    if (request & (CPU_INTERRUPT_HARD | CPU_INTERRUPT_POLL) && env->eflags & IF_MASK) {
        int vector = x86_pic_acknowledge(env);
        if (vector < 0)
            return false;
        deliver_hardware(env, (unsigned)vector);
        return true;
    }
    return false;
}

bool x86_has_work(const CPUState *cpu)
{
    const X86CPU *env = (const X86CPU *)cpu;
    uint32_t request = atomic_load(&((CPUState *)cpu)->interrupt_request);
    if (!env->smm && (request & CPU_INTERRUPT_INIT || (request & CPU_INTERRUPT_SIPI && env->sipi_waiting)))
        return true;
    if (env->sipi_waiting)
        return false;
    if (request & CPU_INTERRUPT_MCE || (request & CPU_INTERRUPT_SMI && !env->smm) || (request & CPU_INTERRUPT_NMI && !env->nmi_masked))
        return true;
    return request & (CPU_INTERRUPT_HARD | CPU_INTERRUPT_POLL) && env->eflags & IF_MASK;
}

/* ---- Defaults for a machine without interrupt controller ---- */

#define WEAK __attribute__((weak))
WEAK int x86_pic_acknowledge(X86CPU *env)
{
    cpu_reset_interrupt(&env->parent, CPU_INTERRUPT_HARD);
    return -1;
}
WEAK uint64_t x86_apic_get_base(X86CPU *env) { return env->apic_base; }
WEAK bool x86_apic_set_base(X86CPU *env, uint64_t value)
{
    env->apic_base = value;
    return true;
}
WEAK uint8_t x86_apic_get_tpr(X86CPU *env) { return (uint8_t)env->cr8; }
WEAK void x86_apic_set_tpr(X86CPU *env, uint8_t value) { env->cr8 = value & 15; }
WEAK bool x86_apic_read_msr(X86CPU *env, uint32_t msr, uint64_t *value)
{
    (void)env, (void)msr, (void)value;
    return false;
}
WEAK bool x86_apic_write_msr(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)env, (void)msr, (void)value;
    return false;
}
WEAK void x86_apic_set_tsc_deadline(X86CPU *env, uint64_t value) { env->tsc_deadline = value; }
