// While it lives, names that libarchive reads in this thread are UTF-8: it takes the thread's
// locale.
#pragma once

#include <locale.h>

namespace gantry {

class NamesAreUtf8 {
 public:
  NamesAreUtf8() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~NamesAreUtf8() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  NamesAreUtf8(const NamesAreUtf8&) = delete;
  NamesAreUtf8& operator=(const NamesAreUtf8&) = delete;

 private:
  locale_t locale_ = nullptr;
  locale_t before_ = nullptr;
};

}  // namespace gantry
