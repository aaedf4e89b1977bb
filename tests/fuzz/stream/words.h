/* words.h - what the fuzzer knows of commands: a dictionary of all their words, and mutations of whole words and commands.
 *
 * Both come from the command table: a command that is added to it is fuzzed.
 *
 * Threads    The fuzzer's own.  */
#ifndef FUZZ_STREAM_WORDS_H
#define FUZZ_STREAM_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Writes the dictionary into memory that has a descriptor and adds it to the words of the command line (`-dict=`), which stay lent; names of files there become whole
 * paths. */
void stream_words_begin(int *argc, char ***argv);

/* A mutation of libFuzzer, or one of lines: a new command by its syntax, a line that goes or comes twice, another word in a line. Returns the new
 * size, at most `max_size`.  */
size_t stream_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
