# embed.cmake - makes explorer_bytes.h of the page's parts, the style and the script in their places.
#
#   cmake -DOUT=FILE -P embed.cmake
set(folder ${CMAKE_CURRENT_LIST_DIR})
file(READ ${folder}/page.html page)
file(READ ${folder}/style.css style)
set(script "\n")
foreach(name names page chart treemap tables main)
  file(READ ${folder}/${name}.js part)
  string(APPEND script "${part}")
endforeach()
string(REPLACE "<style></style>" "<style>${style}</style>" page "${page}")
string(REPLACE "<script></script>" "<script>${script}</script>" page "${page}")
string(HEX "${page}" digits)
string(REGEX REPLACE "(................................)" "\\1\n" digits "${digits}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," digits "${digits}")
file(WRITE ${OUT} "static const unsigned char explorer_bytes[] = {\n${digits}\n};\n")
