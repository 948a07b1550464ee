# SPDX-License-Identifier: GPL-3.0-or-later
# cmake -DXML=… -DOUT=… -P property_getters.cmake
# For each property of an object's interface, generates the method that its adaptor needs, which answers from the
# property's row (get() in bus/objects.h): a property without a row, or with a row of another type, does not compile.
# Also generates the names of those whose changes are announced.
set(type_s "std::string")
set(type_b "bool")
set(type_u "uint32_t")
set(type_t "uint64_t")
set(type_as "Strings")
set(type_a_sv_ "VariantMap")
set(type_aa_sv_ "std::vector<VariantMap>")

file(STRINGS ${XML} lines REGEX "<property name=|EmitsChangedSignal")
set(getters)
set(announced)
foreach(line IN LISTS lines)
  if(line MATCHES "EmitsChangedSignal\" value=\"(const|false)\"")
    list(POP_BACK announced)
  elseif(line MATCHES "<property name=\"([A-Za-z]+)\" type=\"([^\"]+)\"")
    set(name ${CMAKE_MATCH_1})
    string(REGEX REPLACE "[{}]" "_" type ${CMAKE_MATCH_2})
    if(NOT DEFINED type_${type})
      message(FATAL_ERROR "${XML}: property ${name} has a type that is not known here")
    endif()
    set(type ${type_${type}})
    string(APPEND getters "${type} ${name}() override {\n  return get<${type}, bus_index_of<Object>(\"${name}\")>();\n}\n")
    list(APPEND announced "\"${name}\"")
  else()
    message(FATAL_ERROR "${XML}: not understood: ${line}")
  endif()
endforeach()
list(JOIN announced ", " announced)
file(WRITE ${OUT} "${getters}static std::vector<std::string> announced() {\n  return {${announced}};\n}\n")
