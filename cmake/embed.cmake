# gantry_embed(TARGET NAMESPACE FILE...): compiles files into TARGET as
# `extern const std::vector<std::pair<std::string_view, std::string_view>> gantry::embedded::NAMESPACE`
# of (file name, text), in the order given.
function(gantry_embed target name)
  set(out ${CMAKE_BINARY_DIR}/embedded/${name}.cpp)
  set(body "// generated\n#include <string_view>\n#include <utility>\n#include <vector>\nnamespace gantry::embedded {\nextern const std::vector<std::pair<std::string_view, std::string_view>> ${name};\nconst std::vector<std::pair<std::string_view, std::string_view>> ${name} = {\n")
  foreach(file ${ARGN})
    get_filename_component(base ${file} NAME)
    file(READ ${file} text)
    string(APPEND body "{\"${base}\", R\"gantry~(${text})gantry~\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  endforeach()
  string(APPEND body "};\n}  // namespace gantry::embedded\n")
  file(CONFIGURE OUTPUT ${out} CONTENT "${body}" @ONLY)
  target_sources(${target} PRIVATE ${out})
endfunction()

file(GLOB gantry_migrations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/store/migrations/*.sql)
list(SORT gantry_migrations)
gantry_embed(gantry_store migrations ${gantry_migrations})
file(GLOB gantry_templates CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/deploy/templates/*.yaml)
list(SORT gantry_templates)
gantry_embed(gantry_daemon templates ${gantry_templates})
if(EXISTS ${CMAKE_SOURCE_DIR}/proto/openapi.yaml)
  gantry_embed(gantry_api documents ${CMAKE_SOURCE_DIR}/proto/openapi.yaml
               ${CMAKE_SOURCE_DIR}/proto/gantry.schema.json)
endif()
