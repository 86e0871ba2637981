// libarchive turns names between UTF-8 and what the thread's locale says; in the locale "C" that
// loses every name beyond ASCII. This object gives the thread UTF-8 while it lives.
#pragma once

#include <clocale>

namespace gantry {

class Utf8Locale {
 public:
  Utf8Locale() : own_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (own_ != nullptr) before_ = ::uselocale(own_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    if (own_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(own_);
  }

 private:
  locale_t own_;
  locale_t before_{};
};

}  // namespace gantry
