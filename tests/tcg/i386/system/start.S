/* SPDX-License-Identifier: MIT */
/*
 * Start, exception entries and the guarded calls of the test programs, for -m32 and -m64. A guarded call
 * (try0, try3) returns the vector of the event that ended it, or -1 when the code returned; everything
 * about the event is in the record "ex" (lib.c).
 */
#define ASM
#include "lib.h"

    .section .multiboot, "a"
    .long 0x1badb002, 0, -0x1badb002

    .text
    .code32
    .globl _start
_start:
    cli
    cld
    mov $stack_top, %esp
    lgdt gdt_pointer
#ifdef __x86_64__
    /* The first 4 GiB one to one in 2 MiB pages that everyone may use. */
    movl $boot_pdpt + 7, boot_pml4
    mov $boot_pd, %edi
    mov $0x87, %eax
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    jnc 1b
    mov $boot_pdpt, %edi
    mov $boot_pd + 7, %eax
    mov $4, %ecx
2:  mov %eax, (%edi)
    add $8, %edi
    add $0x1000, %eax
    loop 2b
    mov $boot_pml4, %eax
    mov %eax, %cr3
    mov $0x220, %eax            /* PAE, OSFXSR */
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    mov $0x901, %eax            /* NXE, LME, SCE */
    xor %edx, %edx
    wrmsr
    mov $0x80000011, %eax
    mov %eax, %cr0
#else
    mov $0x11, %eax
    mov %eax, %cr0
#endif
    ljmp $KCS, $3f
#ifdef __x86_64__
    .code64
#endif
3:  mov $KDS, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov %ax, %fs
    mov %ax, %gs
    call lib_main

    .data
    .balign 8
    .globl gdt_pointer
gdt_pointer:
    .word GDT_ENTRIES * 8 - 1
    .long gdt, 0
    .globl gdt
    .balign 8
gdt:
#ifdef __x86_64__
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
    .quad 0, 0, 0x00cf9b000000ffff
    .fill GDT_ENTRIES - 9, 8, 0
#else
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
    .fill GDT_ENTRIES - 5, 8, 0
#endif

    .bss
    .balign 4096
#ifdef __x86_64__
    .globl boot_pml4
boot_pml4: .skip 4096
    .globl boot_pdpt
boot_pdpt: .skip 4096
    .globl boot_pd
boot_pd: .skip 4 * 4096
#endif
    .skip 16384
stack_top:
    .skip 8192
    .globl trap_stack_top
trap_stack_top:
    .skip 8192
    .globl user_stack_top
user_stack_top:
    .balign 8
saved_sp: .skip 8

/* One entry per vector, 16 bytes apart. */
    .text
    .balign 16
    .globl vector_entries
vector_entries:
vector = 0
    .rept 256
    .balign 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
    .else
    push $0
    .endif
    push $vector
    jmp common_entry
vector = vector + 1
    .endr

#ifdef __x86_64__
common_entry:
    push %rax; push %rcx; push %rdx; push %rbx; push %rbp; push %rsi; push %rdi
    push %r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbp
    and $-16, %rsp
    call on_event
    test %eax, %eax
    jz recover
    mov %rbp, %rsp
    pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8
    pop %rdi; pop %rsi; pop %rbp; pop %rbx; pop %rdx; pop %rcx; pop %rax
    add $16, %rsp
    iretq
recover:
    mov $KDS, %eax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov saved_sp, %rsp
    movslq ex, %rax             /* vector */
try_done:
    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
    ret

/* int try0(const void *code, ul a, ul b): at CPL 0 with RAX = a, RCX = b. */
    .globl try0
try0:
    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
    mov %rsp, saved_sp
    mov %rsi, %rax
    mov %rdx, %rcx
    call *%rdi
    mov saved_sp, %rsp
    mov $-1, %rax
    jmp try_done

/* int try3(const void *code, ul a, ul b): the same at CPL 3; a return executes INT 0x80. */
    .globl try3
try3:
    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
    mov %rsp, saved_sp
    mov %rsi, %rax
    mov %rdx, %rcx
    mov $user_stack_top - 8, %ebx
    mov user_alias, %rdx
    lea user_exit(%rdx), %rsi
    mov %rsi, (%rbx)
    add %rdx, %rbx
    add %rdx, %rdi
    push $UDS
    push %rbx
    push user_flags
    push $UCS
    push %rdi
    iretq
    .globl user_exit
user_exit:
    int $0x80
#else
common_entry:
    pusha
    push %ds
    push %es
    push %fs
    push %gs
    mov $KDS, %eax
    mov %ax, %ds
    mov %ax, %es
    cld
    mov %esp, %ebp
    push %ebp
    call on_event
    mov %ebp, %esp
    test %eax, %eax
    jz recover
    pop %gs
    pop %fs
    pop %es
    pop %ds
    popa
    add $8, %esp
    iret
    .globl recover
recover:
    mov $KDS, %eax
    mov %ax, %fs
    mov %ax, %gs
    mov %ax, %ss
    mov saved_sp, %esp
    mov ex, %eax                /* vector */
try_done:
    pop %edi; pop %esi; pop %ebp; pop %ebx
    ret

/* int try0(const void *code, ul a, ul b): at CPL 0 with EAX = a, ECX = b. */
    .globl try0
try0:
    push %ebx; push %ebp; push %esi; push %edi
    mov 20(%esp), %edx
    mov 24(%esp), %eax
    mov 28(%esp), %ecx
    mov %esp, saved_sp
    call *%edx
    mov saved_sp, %esp
    mov $KDS, %eax
    mov %ax, %ds
    mov %ax, %es
    mov $-1, %eax
    jmp try_done

/* int try3(const void *code, ul a, ul b): the same at CPL 3; a return executes INT 0x80. */
    .globl try3
try3:
    push %ebx; push %ebp; push %esi; push %edi
    mov 20(%esp), %edx
    mov 24(%esp), %eax
    mov 28(%esp), %ecx
    mov %esp, saved_sp
    mov $user_stack_top - 4, %ebx
    mov user_alias, %edi
    lea user_exit(%edi), %esi
    mov %esi, (%ebx)
    add %edi, %ebx
    add %edi, %edx
    push $UDS
    push %ebx
    push user_flags
    push $UCS
    push %edx
    mov $UDS, %edx
    mov %dx, %ds
    mov %dx, %es
    mov %dx, %fs
    mov %dx, %gs
    iret
    .globl user_exit
user_exit:
    int $0x80

/* void enter_v86(const V86Start *s): IRET to the frame at s (EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS). */
    .globl enter_frame
enter_frame:
    push %ebx; push %ebp; push %esi; push %edi
    mov %esp, saved_sp
    mov 20(%esp), %esp
    iret
#endif
