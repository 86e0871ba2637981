// What a person sees: tables, colours, ages. Colour only on a terminal and without NO_COLOR.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/time.hpp"

namespace gantry::cli {

enum class Colour { red, green, yellow, dim, bold };

bool is_terminal(int fd);
std::string paint(Colour, const std::string& text, int fd);
std::string paint_status(const std::string& status);  // for stdout

void print(const std::string& line);        // stdout, and a line feed; flushed
void print_error(const std::string& line);  // stderr

using Row = std::vector<std::string>;
// Columns aligned by characters on the screen, two blanks between them, no blanks at line ends.
// Escape sequences take no room.
std::string render_table(const Row& head, const std::vector<Row>& rows);
void print_table(const Row& head, const std::vector<Row>& rows);

// "5s" "12m" "3h" "9d"; empty for empty text.
std::string age(std::string_view time, TimePoint now);

// "90s" "30m" "1h" "2d" before now, or a time as it is: RFC 3339. Throws Failure.
std::string since_time(const std::string& text, TimePoint now);

}  // namespace gantry::cli
