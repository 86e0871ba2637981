// Starts tests/support/s3_stand_in, a stand-in for an S3 store, for as long as a test wants it.
#pragma once

#include <string>

#include <sys/types.h>

#include "runtime/backup/destination.hpp"

namespace gantry::testing {

class S3StandIn {
 public:
  explicit S3StandIn(std::size_t min_part_bytes = 1024);
  ~S3StandIn();
  S3StandIn(const S3StandIn&) = delete;
  S3StandIn& operator=(const S3StandIn&) = delete;

  int port() const { return port_; }
  S3Options options() const;  // quick ones
  // A list of faults as the stand-in reads it.
  void faults(const std::string& json) const;
  void skew(int seconds) const;
  std::string state() const;  // JSON

 private:
  std::string control(const std::string& path, const std::string& body) const;

  pid_t pid_ = -1;
  int output_ = -1;
  int port_ = 0;
};

}  // namespace gantry::testing
