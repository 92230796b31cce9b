// JSON answers as people read them.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

namespace consentry::app::cli {

// To standard output, indented by two.
void print_json(const boost::json::value& v);

// "name   value" lines; nested objects indented, lists one line each.
void print_fields(const boost::json::object& o, int indent = 0);

// Rows under column names; a missing member is an empty cell.
void print_table(const boost::json::array& rows, const std::vector<std::string>& columns);

// One line for one journal entry.
void print_event(const boost::json::object& e);

}  // namespace consentry::app::cli
