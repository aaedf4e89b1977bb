/* fiber.c - see fiber.h.
 *
 * On x86-64 a switch saves what the ABI says a function keeps, and nothing else: ucontext's asks the kernel about signals each time, which
 * takes longer than a short script. With a sanitizer, and elsewhere, it is ucontext's.
 *
 * Source     System V Application Binary Interface, AMD64; sanitizer/common_interface_defs.h and tsan_interface.h for the marks.  */
#include "exec/fiber.h"

#include "mem/heap.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FIBER_UCONTEXT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FIBER_UCONTEXT 1
#endif
#endif
#if !defined(__x86_64__) && !defined(FIBER_UCONTEXT)
#define FIBER_UCONTEXT 1
#endif

#if defined(FIBER_UCONTEXT)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

struct fiber {
    char *map;
    size_t map_bytes;
    fiber_fn *fn;
    void *arg;
    bool has_returned;
#if defined(FIBER_UCONTEXT)
    ucontext_t own, outer;
#else
    void *own, *outer;          /* stack pointers of whoever does not run */
#endif
#if defined(__SANITIZE_ADDRESS__)
    const void *outer_bottom;
    size_t outer_bytes;
    void *fake_own, *fake_outer;
#endif
#if defined(__SANITIZE_THREAD__)
    void *tsan_own, *tsan_outer;
#endif
};

static void fiber_main(struct fiber *fiber);

/* --- the switch --- */

#if defined(FIBER_UCONTEXT)

static void start(unsigned low, unsigned high)
{
    fiber_main((struct fiber *)(uintptr_t)((uint64_t)high << 32 | low));
}

static void prepare(struct fiber *fiber, char *bottom)
{
    const uint64_t address = (uint64_t)(uintptr_t)fiber;
    getcontext(&fiber->own);
    fiber->own.uc_stack.ss_sp = bottom;
    fiber->own.uc_stack.ss_size = FIBER_STACK_BYTES;
    fiber->own.uc_link = NULL;
    makecontext(&fiber->own, (void (*)(void))(void *)start, 2, (unsigned)address, (unsigned)(address >> 32));
}

static void switch_in(struct fiber *fiber)
{
    swapcontext(&fiber->outer, &fiber->own);
}

static void switch_out(struct fiber *fiber)
{
    swapcontext(&fiber->own, &fiber->outer);
}

#else

void fiber_switch(void **save, void *load) __attribute__((visibility("hidden")));
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".hidden fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size fiber_switch, . - fiber_switch\n");

/* Where the first switch returns to: r12 has the fiber. */
void fiber_start(void) __attribute__((visibility("hidden")));
void fiber_start_main(struct fiber *fiber) __attribute__((visibility("hidden"), used));
__asm__(".text\n"
        ".globl fiber_start\n"
        ".hidden fiber_start\n"
        ".type fiber_start, @function\n"
        "fiber_start:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined rip\n"
        "    movq %r12, %rdi\n"
        "    call fiber_start_main\n"
        "    ud2\n"
        "    .cfi_endproc\n"
        ".size fiber_start, . - fiber_start\n");

void fiber_start_main(struct fiber *fiber)
{
    fiber_main(fiber);
}

static void prepare(struct fiber *fiber, char *bottom)
{
    void **top = (void **)(void *)(bottom + FIBER_STACK_BYTES);
    *--top = NULL;
    *--top = NULL; /* the stack is aligned to 16 bytes when the next is popped */
    *--top = (void *)(uintptr_t)fiber_start;
    *--top = NULL;                           /* rbp */
    *--top = NULL;                           /* rbx */
    *--top = fiber;                          /* r12 */
    *--top = NULL;
    *--top = NULL;
    *--top = NULL;
    fiber->own = top;
}

static void switch_in(struct fiber *fiber)
{
    fiber_switch(&fiber->outer, fiber->own);
}

static void switch_out(struct fiber *fiber)
{
    fiber_switch(&fiber->own, fiber->outer);
}

#endif

/* --- what sanitizers are told --- */

static void enter(struct fiber *fiber)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fiber->fake_outer, fiber->map + (fiber->map_bytes - FIBER_STACK_BYTES), FIBER_STACK_BYTES);
#endif
#if defined(__SANITIZE_THREAD__)
    fiber->tsan_outer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->tsan_own, 0);
#endif
    switch_in(fiber);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber->fake_outer, NULL, NULL);
#endif
}

static void leave(struct fiber *fiber)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fiber->fake_own, fiber->outer_bottom, fiber->outer_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(fiber->tsan_outer, 0);
#endif
    switch_out(fiber);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber->fake_own, &fiber->outer_bottom, &fiber->outer_bytes);
#endif
}

static void fiber_main(struct fiber *fiber)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &fiber->outer_bottom, &fiber->outer_bytes);
#endif
    for (;;) {
        fiber->fn(fiber->arg);
        fiber->has_returned = true;
        leave(fiber);
    }
}

/* --- fibers --- */

struct fiber *fiber_create(void)
{
    struct fiber *fiber = thread_alloc_zeroed(MEM_SERVER, sizeof *fiber);
    if (fiber == NULL) {
        return NULL;
    }
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    fiber->map_bytes = FIBER_STACK_BYTES + page;
    void *map = mmap(NULL, fiber->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED) {
        thread_free(MEM_SERVER, fiber, sizeof *fiber);
        return NULL;
    }
    fiber->map = map;
    if (mprotect(map, page, PROT_NONE) != 0) {
        munmap(map, fiber->map_bytes);
        thread_free(MEM_SERVER, fiber, sizeof *fiber);
        return NULL;
    }
#if defined(__SANITIZE_THREAD__)
    fiber->tsan_own = __tsan_create_fiber(0);
#endif
    prepare(fiber, fiber->map + page);
    return fiber;
}

void fiber_destroy(struct fiber *fiber)
{
    if (fiber == NULL) {
        return;
    }
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(fiber->tsan_own);
#endif
    munmap(fiber->map, fiber->map_bytes);
    thread_free(MEM_SERVER, fiber, sizeof *fiber);
}

bool fiber_resume(struct fiber *fiber)
{
    enter(fiber);
    return fiber->has_returned;
}

bool fiber_run(struct fiber *fiber, fiber_fn *fn, void *arg)
{
    fiber->fn = fn;
    fiber->arg = arg;
    fiber->has_returned = false;
    return fiber_resume(fiber);
}

void fiber_pause(struct fiber *fiber)
{
    leave(fiber);
}
