/* attributes.h - what the compiler is told about functions and locks.
 *
 * The capability macros drive clang's -Wthread-safety, an error there; gcc ignores them. NO_THREAD_SAFETY_ANALYSIS stands in shard/baton.c
 * alone, and in tests that break the rules. There is no GUARDED_BY: in C, clang 14 finds no other field of the same structure in the
 * attribute of a field (`use of undeclared identifier`), so it can name global locks only; functions say REQUIRES instead.  */
#ifndef BASE_ATTRIBUTES_H
#define BASE_ATTRIBUTES_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first) __attribute__((format(printf, format_at, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CACHE_LINE_BYTES 64

#if defined(__clang__)
#define CAPABILITY(name) __attribute__((capability(name)))
#define ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define TRY_ACQUIRE(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define ASSERT_CAPABILITY(x) __attribute__((assert_capability(x)))
#define NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(name)
#define ACQUIRE(...)
#define TRY_ACQUIRE(...)
#define RELEASE(...)
#define REQUIRES(...)
#define ASSERT_CAPABILITY(x)
#define NO_THREAD_SAFETY_ANALYSIS
#endif

/* debug_assert may cost O(n): debug and sanitizer builds only. */
#if defined(TESSERA_DEBUG_ASSERT)
#include <assert.h>
#define debug_assert(condition) assert(condition)
#else
#define debug_assert(condition) ((void)sizeof(!(condition)))
#endif

#endif
