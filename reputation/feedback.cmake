# A target of its own: it alone in this room reads MIME.
consentry_room(reputation_feedback
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/feedback_report.cc ${CMAKE_CURRENT_LIST_DIR}/bounce_report.cc
          ${CMAKE_CURRENT_LIST_DIR}/bounce_text.cc ${CMAKE_CURRENT_LIST_DIR}/report_parts.cc
          ${CMAKE_CURRENT_LIST_DIR}/token_search.cc
  DEPS base smtp smtp_mime)
