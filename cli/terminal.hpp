// The terminal while a program elsewhere has it: raw, and set back however this program ends.
#pragma once

#include "proto/session_wire.hpp"

namespace gantry::cli {

SessionControl::Size terminal_size();

class RawTerminal {
 public:
  RawTerminal();  // of stdin
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // Readable when the size has changed.
  int wake() const;
};

}  // namespace gantry::cli
