/* SPDX-License-Identifier: MIT */
/*
 * The interpreter as a back end: encodes the IR of a TB as records in the code cache. It needs no
 * executable memory and checks the host-code back ends, so it keeps every global in CPUState at all
 * times and does no more than what the IR says. Little-endian hosts only.
 */
#include "interp.h"
#include "exec/tlb.h"
#include "tcg/backend.h"
#include "tcg/vec.h"
#include <inttypes.h>
#include <string.h>

/* Where a TB is being encoded. */
typedef struct Encoder {
    IRFunc *f;
    TranslationBlock *tb;
    uint8_t *rw;
    size_t pos, room;
    bool full;
    uint32_t temps_size;
    uint32_t arg[IR_MAX_VALS];     /* place of each value, ARG_NONE = not yet given one */
    uint32_t offset[IR_MAX_OPS];   /* of each operation's record */
    uint32_t label[IR_MAX_LABELS]; /* offset of the record after it */
} Encoder;

/* Takes n bytes, a multiple of 8; NULL when the cache is full. */
static void *take(Encoder *e, size_t n)
{
    void *p = e->rw + e->pos;

    if (e->room - e->pos < n) {
        e->full = true;
        return NULL;
    }
    e->pos += n;
    return p;
}

static uint32_t make_arg(unsigned base, uint32_t offset, IRType type)
{
    return base | (type == IR_I32 ? ARG_IS_32 : 0) | offset << ARG_SHIFT;
}

static unsigned value_bytes(IRType type)
{
    return type == IR_V256 ? 32 : type == IR_V128 ? 16 : 8;
}

/* Gives v a place: its field in CPUState, a temp slot, or a copy of the constant before the records. */
static void place(Encoder *e, IRVal v)
{
    const IRValInfo *info = &e->f->vals[v];
    unsigned bytes = value_bytes(info->type);

    if (e->arg[v] != ARG_NONE) {
        return;
    }
    if (info->kind == IRK_GLOBAL) {
        e->arg[v] = make_arg(ARG_BASE_ENV, info->offset, info->type);
    } else if (info->kind == IRK_TEMP) {
        e->arg[v] = make_arg(ARG_BASE_TEMPS, e->temps_size, info->type);
        e->temps_size += bytes;
    } else {
        e->arg[v] = make_arg(ARG_BASE_CODE, e->pos, info->type);
        uint8_t *p = take(e, bytes);
        if (p) {
            memset(p, 0, bytes);
            memcpy(p, &info->value, 8);
        }
    }
}

static void place_all(Encoder *e)
{
    memset(e->arg, 0xff, e->f->nvals * sizeof(e->arg[0]));
    for (unsigned i = 0; i < e->f->nops; i++) {
        const IROp *op = &e->f->ops[i];
        const IROpInfo *info = &ir_op_info[op->opc];
        for (unsigned n = 0; n < info->outs; n++) {
            if (op->out[n] != IR_NONE) {
                place(e, op->out[n]);
            }
        }
        for (unsigned n = 0; n < info->ins; n++) {
            if (op->in[n] != IR_NONE) {
                place(e, op->in[n]);
            }
        }
    }
}

static uint32_t arg_of(const Encoder *e, IRVal v)
{
    return v == IR_NONE ? ARG_NONE : e->arg[v];
}

static void encode_goto_tb(Encoder *e, InterpRec *rec, const IROp *op)
{
    TranslationBlock *tb = e->tb;
    bool same_page = ((op->imm ^ tb->state.pc) & PAGE_MASK) == 0;

    rec->flags = (op->imm <= tb->state.pc ? REC_BACKWARD : 0) | (same_page ? 0 : REC_OTHER_PAGE);
    atomic_init(interp_link(rec), NULL);
    if (same_page && !(tb->flags & TB_NOCHAIN)) {
        tb->jump[op->aux].patch = tb->jump[op->aux].stub = (uint8_t *)interp_link(rec) - e->rw;
    }
}

static void encode_op(Encoder *e, const IROp *op)
{
    const IROpInfo *info = &ir_op_info[op->opc];
    bool is_goto = op->opc == IR_GOTO_TB;
    size_t size = (sizeof(InterpRec) + 4 * (info->outs + info->ins) + 7) & ~(size_t)7;
    InterpRec *rec = take(e, size + (is_goto ? 8 : 0));
    uint32_t *arg;

    if (!rec) {
        return;
    }
    *rec = (InterpRec){
        .opc = op->opc * 2 + (op->type != IR_I32), .aux = op->aux, .type = op->type,
        .size = (size + (is_goto ? 8 : 0)) / 8, .imm = op->imm,
    };
    arg = rec->arg;
    for (unsigned n = 0; n < info->outs; n++) {
        *arg++ = arg_of(e, op->out[n]);
    }
    for (unsigned n = 0; n < info->ins; n++) {
        *arg++ = arg_of(e, op->in[n]);
    }
    if (is_goto) {
        encode_goto_tb(e, rec, op);
    } else if (op->opc == IR_CALL) {
        rec->imm = (uintptr_t)e->f->calls[op->imm];
    }
}

/* Operations that leave no record behind. */
static bool is_silent(const IROp *op)
{
    return op->opc == IR_NOP || op->opc == IR_INSN_START || op->opc == IR_DISCARD || op->opc == IR_LABEL;
}

static void encode_all(Encoder *e)
{
    IRFunc *f = e->f;

    for (unsigned i = 0; i < f->nops && !e->full; i++) {
        e->offset[i] = e->pos;
        if (f->ops[i].opc == IR_LABEL) {
            e->label[f->ops[i].imm] = e->pos;
        } else if (!is_silent(&f->ops[i])) {
            encode_op(e, &f->ops[i]);
        }
    }
}

static void resolve_branches(Encoder *e)
{
    for (unsigned i = 0; i < e->f->nops; i++) {
        const IROp *op = &e->f->ops[i];
        if (op->opc == IR_BR || op->opc == IR_BRCOND) {
            ((InterpRec *)(e->rw + e->offset[i]))->imm = e->label[op->imm];
        }
    }
}

static bool may_unwind(const IRFunc *f, const IROp *op)
{
    if (op->opc == IR_CALL) {
        return !(f->calls[op->imm]->flags & (HF_NO_FAULT | HF_PURE));
    }
    return ir_op_info[op->opc].flags & IRF_FAULTS;
}

/* Writes the unwind table behind the records; false when it does not fit. */
static bool encode_unwind(Encoder *e, const uint8_t *rx)
{
    const IRFunc *f = e->f;
    const InsnData *insn = NULL;
    UnwindWriter w;

    unwind_begin(&w, e->rw + e->pos, e->room - e->pos, e->tb);
    for (unsigned i = 0; i < f->nops; i++) {
        if (f->ops[i].opc == IR_INSN_START) {
            insn = &f->insns[f->ops[i].aux];
        } else if (insn && may_unwind(f, &f->ops[i])) {
            unwind_add(&w, e->offset[i] + 1, insn);
        }
    }
    e->tb->unwind = rx + e->pos;
    e->tb->unwind_size = w.p - (e->rw + e->pos);
    return !w.full;
}

static size_t interp_emit(IRFunc *f, TranslationBlock *tb, uint8_t *rw, const uint8_t *rx, size_t room)
{
    static __thread Encoder encoder;
    Encoder *e = &encoder;
    InterpHeader *header;

    e->f = f;
    e->tb = tb;
    e->rw = rw;
    e->pos = 0;
    e->room = room & ~(size_t)7;
    e->full = false;
    e->temps_size = 0;
    for (unsigned slot = 0; slot < tb_slots(tb); slot++) {
        tb->jump[slot].patch = ~0u;
    }
    header = take(e, sizeof(*header));
    if (!header) {
        return 0;
    }
    place_all(e);
    *header = (InterpHeader){ .tb = tb, .entry = e->pos };
    encode_all(e);
    if (e->full) {
        return 0;
    }
    resolve_branches(e);
    tb->code_size = e->pos;
    if (!encode_unwind(e, rx)) {
        return 0;
    }
    return e->pos + tb->unwind_size;
}

static void interp_patch(TranslationBlock *tb, unsigned slot, const TranslationBlock *dest)
{
    if (tb->jump[slot].patch != ~0u) {
        _Atomic(TranslationBlock *) *link = (void *)(tb->code + tb->jump[slot].patch);
        atomic_store_explicit(link, (TranslationBlock *)dest, memory_order_release);
    }
}

static size_t interp_init(uint8_t *rw, const uint8_t *rx, size_t room, Error **errp)
{
    (void)rw;
    (void)rx;
    (void)room;
    (void)errp;
    return 0; /* no stubs */
}

/* ---- Disassembly ---- */

static void print_arg(FILE *out, const TranslationBlock *tb, uint32_t arg)
{
    uint32_t offset = arg >> ARG_SHIFT;
    uint64_t value;

    if (arg == ARG_NONE) {
        fputs(" -", out);
    } else if ((arg & 3) == ARG_BASE_CODE) {
        memcpy(&value, tb->code + offset, 8);
        fprintf(out, " $0x%" PRIx64, value);
    } else {
        fprintf(out, " %s+%u", (arg & 3) == ARG_BASE_ENV ? "env" : "temps", offset);
    }
}

static void interp_disas(FILE *out, const TranslationBlock *tb)
{
    const InterpHeader *header = (const InterpHeader *)tb->code;
    uint32_t pos = header->entry;

    while (pos < tb->code_size) {
        const InterpRec *rec = (const InterpRec *)(tb->code + pos);
        const IROpInfo *info = &ir_op_info[rec->opc / 2];
        fprintf(out, "%6x:  %-10s", pos, info->name);
        for (unsigned n = 0; n < info->outs + info->ins; n++) {
            print_arg(out, tb, rec->arg[n]);
        }
        if (rec->opc / 2 == IR_CALL) {
            fprintf(out, " %s\n", ((const HelperInfo *)(uintptr_t)rec->imm)->name);
        } else {
            fprintf(out, " imm=0x%" PRIx64 " aux=0x%x\n", rec->imm, rec->aux);
        }
        pos += rec->size * 8;
    }
}

const TCGBackend tcg_backend_interp = {
    .name = "interp",
    .init = interp_init,
    .emit = interp_emit,
    .exec = interp_exec,
    .patch = interp_patch,
    .disas = interp_disas,
    .exit_address = interp_exit_address,
};
