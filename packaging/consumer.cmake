# The project that test_install.sh builds: a user of the installed package.
cmake_minimum_required(VERSION 3.13)
project(consumer C CXX)
set(CMAKE_CXX_STANDARD 17)

find_package(ptqk ${WANTED} REQUIRED)
find_package(Threads REQUIRED)

add_executable(static ${EXAMPLES}/quantize_tensor.c)
target_link_libraries(static PRIVATE ptqk::ptqk m)

add_executable(shared ${EXAMPLES}/quantize_tensor.c)
target_link_libraries(shared PRIVATE ptqk::shared m)

add_executable(layer ${EXAMPLES}/quantize.cpp)
target_link_libraries(layer PRIVATE ptqk::ptqk Threads::Threads)
