/* library.h - OpenSSL as a whole: its memory, and its errors as text.
 *
 * Threads    tls_library_count_memory: the main thread, before any other function of OpenSSL. The others: any.
 * Memory     All that OpenSSL has is counted as MEM_CLIENT.  */
#ifndef TLS_LIBRARY_H
#define TLS_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

enum { TLS_ERROR_MAX = 256 };

/* From now on OpenSSL's memory is that of mem/heap.h. */
void tls_library_count_memory(void);
/* Makes what OpenSSL keeps of a thread, its list of errors, which it else makes at the first error: when memory is short. On that thread. */
void tls_library_thread_begin(void);
/* How many requests for memory OpenSSL has been refused since the start. Where it goes on without (a cipher that it could not load is left out),
 * whoever called it looks whether there were more.  */
uint64_t tls_library_refusals(void);
/* The reason of the first error that the thread has met, "unknown error" without any. Forgets all of them. */
void tls_error_take(char out[TLS_ERROR_MAX]);

#endif
