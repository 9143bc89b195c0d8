/* SPDX-License-Identifier: MIT */
/*
 * A boot sector program that goes through video modes of the BIOS, one for each key: text, CGA, planar, 256 colours, unchained
 * 256 colours with a split screen, VBE modes through the bank window and with a moved start. Serial port: the
 * number of each mode when its picture stands. It loads its second half itself, from whatever drive it came from.
 */
 .code16
 .globl _start
_start:
 xor %ax, %ax
 mov %ax, %ds
 mov %ax, %es
 mov %ax, %ss
 mov $0x7c00, %sp
 ljmp $0, $1f
1: mov $0x0203, %ax          /* three more sectors */
 mov $0x0002, %cx
 mov $0, %dh                 /* drive: DL as it came */
 mov $0x7e00, %bx
 int $0x13
 jc fail
 mov $'0', %bl
 jmp main
fail:
 mov $'!', %al
 call serial
2: hlt
 jmp 2b

serial:                      /* AL */
 push %dx
 mov $0x3f8, %dx
 out %al, %dx
 pop %dx
 ret
 .org 510
 .word 0xaa55

main:
 mov $table, %si
next:
 lodsw
 cmp $0xffff, %ax
 je done
 push %si
 mov %ax, %bp                /* routine */
 call *%bp
 mov $number, %di
 incb (%di)
 mov (%di), %al
 call serial
 mov $0, %ah
 int $0x16
 pop %si
 jmp next
done:
 mov $0x0003, %ax
 int $0x10
 mov $'.', %al
 call serial
 mov $0x604, %dx             /* power off */
 mov $0x2000, %ax
 out %ax, %dx
1: hlt
 jmp 1b

number: .byte 'A' - 1
table: .word text80, text40, text50, cga4, cga2, ega, planar, vga256, unchained
 .word vbe8, vbe15, vbe16, vbe24, vbe32, vbe4, 0xffff

/* Every character in every attribute. */
fill_text:                   /* CX cells */
 mov $0xb800, %ax
 mov %ax, %es
 xor %di, %di
 xor %ax, %ax
1: stosw
 inc %al
 cmp $0xb0, %al              /* the peer joins the ninth dot of B0-BF too */
 jne 2f
 mov $0xc0, %al
2: add $3, %ah
 and $0x7f, %ah
 loop 1b
 ret
text80:
 mov $0x0003, %ax
 int $0x10
 mov $0x0200, %ax            /* cursor */
 mov $0, %bx
 mov $0x0a14, %dx
 int $0x10
 mov $2000, %cx
 jmp fill_text
text40:
 mov $0x0001, %ax
 int $0x10
 mov $1000, %cx
 jmp fill_text
text50:
 mov $0x0003, %ax
 int $0x10
 mov $0x1112, %ax            /* 8x8 font: 50 lines */
 mov $0, %bx
 int $0x10
 mov $4000, %cx
 jmp fill_text

/* The bytes 0, 1, 2 … mixed with their address, over the whole window. */
fill_bytes:                  /* ES:0, CX bytes (0: 64 KiB) */
 xor %di, %di
1: mov %di, %ax
 add %ah, %al
 add %dl, %al
 stosb
 loop 1b
 ret
cga4:
 mov $0x0004, %ax
 int $0x10
2: mov $0xb800, %ax
 mov %ax, %es
 mov $0x4000, %cx
 jmp fill_bytes
cga2:
 mov $0x0006, %ax
 int $0x10
 jmp 2b

/* Each plane gets a pattern of its own, then a box by write mode 2 with a bit mask and XOR. */
fill_planes:                 /* CX bytes of a plane, BX the box's first byte */
 mov $0xa000, %ax
 mov %ax, %es
 mov $1, %dl
 push %bx
1: push %cx
 push %dx
 mov %dl, %ah
 mov $2, %al
 mov $0x3c4, %dx
 out %ax, %dx
 pop %dx
 push %dx
 shl $4, %dl
 call fill_bytes
 pop %dx
 pop %cx
 shl $1, %dl
 cmp $16, %dl
 jb 1b
 mov $0x3c4, %dx
 mov $0x0f02, %ax
 out %ax, %dx
 mov $0x3ce, %dx
 mov $0x0205, %ax            /* write mode 2 */
 out %ax, %dx
 mov $0x1803, %ax            /* XOR */
 out %ax, %dx
 mov $0x3c08, %ax            /* four bits */
 out %ax, %dx
 pop %di
 mov $1000, %cx
1: mov %es:(%di), %al        /* latches */
 mov %cl, %al
 and $15, %al
 stosb
 loop 1b
 mov $0x0005, %ax
 out %ax, %dx
 mov $0x0003, %ax
 out %ax, %dx
 mov $0xff08, %ax
 out %ax, %dx
 ret
ega:
 mov $0x000d, %ax
 int $0x10
 mov $8000, %cx
 mov $400, %bx
 jmp fill_planes
planar:
 mov $0x0012, %ax
 int $0x10
 mov $38400, %cx
 mov $8000, %bx
 jmp fill_planes

vga256:
 mov $0x0013, %ax
 int $0x10
 mov $0xa000, %ax
 mov %ax, %es
 mov $64000, %cx
 jmp fill_bytes

unchained:                   /* 320x200, pages of 64000 bytes; the lower half shows address 0 */
 mov $0x0013, %ax
 int $0x10
 mov $0x3c4, %dx
 mov $0x0604, %ax
 out %ax, %dx
 mov $0x3d4, %dx
 mov $0x0014, %ax            /* bytes instead of double words */
 out %ax, %dx
 mov $0xe317, %ax
 out %ax, %dx
 mov $0x100c, %ax            /* start: 0x1020 */
 out %ax, %dx
 mov $0x200d, %ax
 out %ax, %dx
 mov $0xa000, %ax
 mov %ax, %es
 mov $1, %dl
1: push %dx
 mov %dl, %ah
 mov $2, %al
 mov $0x3c4, %dx
 out %ax, %dx
 pop %dx
 push %dx
 xor %cx, %cx
 call fill_bytes
 pop %dx
 shl $1, %dl
 cmp $16, %dl
 jb 1b
 ret

/* VBE mode AX, all of its memory through the bank window. DI: banks. */
vbe_fill:
 mov %ax, %bx
 mov $0x4f02, %ax
 int $0x10
 cmp $0x004f, %ax
 jne 9f
 xor %dx, %dx
1: push %dx
 mov $0x4f05, %ax
 xor %bx, %bx
 int $0x10
 mov $0xa000, %ax
 mov %ax, %es
 pop %dx
 push %dx
 push %di
 xor %cx, %cx
 call fill_bytes
 pop %di
 pop %dx
 inc %dx
 cmp %di, %dx
 jb 1b
 mov $0x4f07, %ax            /* start at column 8, line 3 */
 xor %bx, %bx
 mov $8, %cx
 mov $3, %dx
 int $0x10
 ret
9: mov $'?', %al
 jmp serial
vbe8:
 mov $0x0101, %ax
 mov $5, %di
 jmp vbe_fill
vbe15:
 mov $0x0110, %ax
 mov $10, %di
 jmp vbe_fill
vbe16:
 mov $0x0114, %ax
 mov $15, %di
 jmp vbe_fill
vbe24:
 mov $0x0115, %ax
 mov $22, %di
 jmp vbe_fill
vbe32:
 mov $0x0144, %ax            /* 1024x768 */
 mov $48, %di
 jmp vbe_fill
vbe4:
 mov $0x0102, %ax            /* 800x600 in planes */
 mov %ax, %bx
 mov $0x4f02, %ax
 int $0x10
 mov $60000, %cx
 mov $12000, %bx
 jmp fill_planes
 .org 2048
