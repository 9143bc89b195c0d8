/* SPDX-License-Identifier: MIT */
/* Boot sector for replay.sh: reads and writes sectors by the BIOS, and says on the serial port what was read and what the TSC
 * was; echoes typed bytes with the TSC; "q" ends it by isa-debug-exit. */
    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $1, %di
sectors:
    mov %di, %ax
    mov %ax, packet + 8
    mov $0x42, %ah
    call disk
    mov 0x8000, %al
    call put_hex
    call put_tsc
    incb 0x8000             /* the next round finds it changed */
    mov $0x43, %ah
    mov $0, %al
    call disk
    inc %di
    cmp $40, %di
    jb again
    mov $1, %di
    incw rounds
    cmpw $3, rounds
    jae typed
again:
    jmp sectors
typed:
    mov $0x3fd, %dx
    in (%dx), %al
    test $1, %al
    jz typed
    mov $0x3f8, %dx
    in (%dx), %al
    mov %al, %bl
    call put_char
    call put_tsc
    cmp $'q', %bl
    jne typed
    mov $0x501, %dx
    mov $7, %al
    out %al, (%dx)
    hlt
disk:
    mov $packet, %si
    mov $0x80, %dl
    int $0x13
    ret
put_tsc:
    rdtsc
    mov %eax, %ecx
    mov $4, %bp
1:  rol $8, %ecx
    mov %cl, %al
    call put_hex
    dec %bp
    jnz 1b
    mov $'\n', %al
    jmp put_char
put_hex:
    push %ax
    shr $4, %al
    call nibble
    pop %ax
nibble:
    and $15, %al
    add $'0', %al
    cmp $'9', %al
    jbe put_char
    add $39, %al
put_char:
    push %ax
    mov $0x3fd, %dx
1:  in (%dx), %al
    test $0x20, %al
    jz 1b
    pop %ax
    mov $0x3f8, %dx
    out %al, (%dx)
    ret
rounds:
    .word 0
    .balign 4
packet:
    .byte 16, 0, 1, 0
    .word 0x8000, 0
    .quad 0
    .org 510
    .word 0xaa55
