/* Prints the records of a channel through the header that the schema is printed as. What it knows
 * of the file is the table of FORMAT.md; it reads a channel that nobody damages. */

#include <stdio.h>
#include <string.h>

#include "record.h"

static uint64_t number(const unsigned char *header, int offset, int size)
{
    uint64_t value = 0;
    memcpy(&value, header + offset, size);
    return value;
}

static void print(const void *at)
{
    /* As the header has it: the first element of `items` begins the record. */
    struct Generic one;
    memcpy(&one.items[0], at, sizeof one.items[0]);
    printf("%lu ", (unsigned long)one.items[0].quantity);
    if (one.items[0].price.present)
        printf("%ld ", (long)one.items[0].price.value);
    else
        printf("none ");
    switch (one.items[0].kind) {
    case Generic_Gapped_Early: printf("early"); break;
    case Generic_Gapped_Middle: printf("middle"); break;
    case Generic_Gapped_Late: printf("late"); break;
    default: printf("unknown"); break;
    }
}

int main(int count, char **arguments)
{
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    unsigned char header[160];
    if (file == NULL || fread(header, sizeof header, 1, file) != 1)
        return 1;
    uint64_t stride = number(header, 128, 8);
    uint64_t stamp_size = number(header, 12, 4) & 2 ? 8 : 0;
    for (uint64_t offset = number(header, 16, 8);; offset += stride) {
        uint64_t word;
        struct Generic record;
        fseek(file, (long)offset, SEEK_SET);
        if (fread(&word, sizeof word, 1, file) != 1)
            return 1;
        if (word >> 60 != 1)
            return 0;
        fseek(file, (long)stamp_size, SEEK_CUR);
        if (fread(&record, sizeof record, 1, file) != 1)
            return 1;
        print(&record.items[0]);
        printf(", ");
        print(&record.items[1]);
        printf(", ");
        if (record.last.present)
            print(&record.last.value);
        else
            printf("none");
        printf("\n");
    }
}
