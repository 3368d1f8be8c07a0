// A set of sites, in ascending order: asked for each of a thousand at every event.
#pragma once

#include <cstddef>
#include <vector>

namespace atl::protocol {

class SiteSet {
 public:
  class Iterator {
   public:
    Iterator(std::vector<bool> const& has, std::size_t site) : has_(has), site_(site) { skip(); }
    int operator*() const { return static_cast<int>(site_); }
    Iterator& operator++() {
      ++site_;
      skip();
      return *this;
    }
    bool operator==(Iterator const& other) const { return site_ == other.site_; }

   private:
    void skip() {
      while (site_ < has_.size() && !has_[site_]) ++site_;
    }

    std::vector<bool> const& has_;
    std::size_t site_;
  };

  Iterator begin() const { return {has_, 0}; }
  Iterator end() const { return {has_, has_.size()}; }

  bool contains(int site) const {
    auto const index = static_cast<std::size_t>(site);
    return index < has_.size() && has_[index];
  }
  void insert(int site) { put(site, true); }
  void erase(int site) { put(site, false); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void put(int site, bool is_in) {
    if (contains(site) == is_in) return;
    auto const index = static_cast<std::size_t>(site);
    if (index >= has_.size()) has_.resize(index + 1);
    has_[index] = is_in;
    is_in ? ++size_ : --size_;
  }

  std::vector<bool> has_;  // by site
  std::size_t size_ = 0;
};

}  // namespace atl::protocol
