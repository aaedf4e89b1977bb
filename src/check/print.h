/* print.h - a survey as text, on standard output.  */
#ifndef CHECK_PRINT_H
#define CHECK_PRINT_H

#include "survey/survey.h"

void print_survey(const struct survey *survey, const char *path);

#endif
